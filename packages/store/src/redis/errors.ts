// What can go wrong with the log. LogUnavailable is worth waiting for; the others are for a person.

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

/** This Redis lacks what our scripts need. */
export class RedisTooOld extends Error {
  /** As above. */
  readonly exitCode = 2;

  constructor(version: string) {
    super(`Redis ${version} is too old: 7.0 or newer is needed, or Valkey; REDIS_URL says which one is used`);
    this.name = 'RedisTooOld';
  }
}

/** Another process holds the lease, or took it over meanwhile: what was to be written is theirs to write. */
export class LeaseLost extends Error {
  constructor(lease: string) {
    super(`lease ${lease} is held by another process`);
    this.name = 'LeaseLost';
  }
}
