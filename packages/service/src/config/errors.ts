// A configuration that can't be used: the process exits with 2.

/** One thing wrong with the configuration, as a sentence to be read after the variable's name. */
export interface Mistake {
  variable: string;
  /** "expected a port number from 0 to 65535", "not set; expected …", "must be set when STREAMING_TLS is on". */
  problem: string;
  /** What was given, quoted and clipped, credentials in URLs masked. Never present for secrets. */
  got?: string;
  /** Where it was given: "environment", or the label of the file. */
  source?: string;
}

/** Every mistake of a configuration at once, so that nobody has to fix them one restart at a time. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly mistakes: readonly Mistake[];

  constructor(mistakes: readonly Mistake[]) {
    super(`the configuration can't be used: ${[...new Set(mistakes.map(({ variable }) => variable))].join(', ')}`);
    this.mistakes = mistakes;
  }
}
