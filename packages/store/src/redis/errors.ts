// Errors of the store. LogUnavailable is temporary; the others need an operator, or another owner of the lease.

/** Redis does not answer, or can't execute the command now. Temporary; `cause` is the error of the client. */
export class LogUnavailable extends Error {
  constructor(what: string, cause: unknown) {
    super(`${what}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = 'LogUnavailable';
  }
}

/** The layout of the log in this Redis comes from another configuration or version. */
export class LayoutMismatch extends Error {
  /** A mistake in the configuration, which a restart does not fix. */
  readonly exitCode = 2;

  constructor(message: string) {
    super(message);
    this.name = 'LayoutMismatch';
  }
}

/** This Redis lacks features that the scripts need. */
export class RedisTooOld extends Error {
  readonly exitCode = 2;

  constructor(version: string) {
    super(
      `Redis ${version} is too old: 7.0 or newer is needed, or Valkey; upgrade it, or set REDIS_URL to another server`,
    );
    this.name = 'RedisTooOld';
  }
}

/** The lease has expired, or another process holds it: this process must not write any more. */
export class LeaseLost extends Error {
  constructor(lease: string) {
    super(`lease ${lease} is held by another process`);
    this.name = 'LeaseLost';
  }
}
