// The failures that an app's life can end with and that somebody handles differently: a configuration that can't be
// used (exit 2) and a port that can't be opened (exit 1, with the variable that moves it).

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

export type ListenErrorCode = 'port_in_use' | 'port_forbidden' | 'address_unavailable';

/** A server could not be opened where the configuration wants it; the message says what to change. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
  readonly code: ListenErrorCode;
  readonly host: string;
  readonly port: number;
  readonly variable: string;

  constructor(
    message: string,
    facts: { code: ListenErrorCode; host: string; port: number; variable: string; cause: unknown },
  ) {
    super(message, { cause: facts.cause });
    this.code = facts.code;
    this.host = facts.host;
    this.port = facts.port;
    this.variable = facts.variable;
  }
}
