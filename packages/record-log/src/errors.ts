// What can go wrong with the log. LogUnavailable is worth waiting for; the other two are for a person.

/** Redis does not answer, or answers that it can't now. Passes by itself; `cause` is what the client said. */
export class LogUnavailable extends Error {
  constructor(what: string, cause: unknown) {
    super(`${what}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = 'LogUnavailable';
  }
}

/** The log in this Redis was laid out by another configuration or version. */
export class LayoutMismatch extends Error {
  /** A mistake of configuration: nothing that a restart could cure. */
  readonly exitCode = 2;

  constructor(message: string) {
    super(message);
    this.name = 'LayoutMismatch';
  }
}

/** Another process holds the lease, or took it over meanwhile: what was to be written is theirs to write. */
export class LeaseLost extends Error {
  constructor(lease: string) {
    super(`lease ${lease} is held by another process`);
    this.name = 'LeaseLost';
  }
}
