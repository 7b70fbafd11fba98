// A configuration that can't be used: the process exits with 2.

/** One mistake in the configuration, as text that follows the variable's name. */
export interface Mistake {
  variable: string;
  /** "expected a port number from 0 to 65535", "not set; expected …", "must be set when STREAMING_TLS is on". */
  problem: string;
  /** The value, quoted and clipped, credentials in URLs masked. Never present for secrets. */
  got?: string;
  /** Where the value came from: "environment", or the label of the file. */
  source?: string;
}

/** Every mistake of a configuration at once: the user does not need one restart per mistake. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly mistakes: readonly Mistake[];

  constructor(mistakes: readonly Mistake[]) {
    super(`the configuration can't be used: ${[...new Set(mistakes.map(({ variable }) => variable))].join(', ')}`);
    this.mistakes = mistakes;
  }
}
