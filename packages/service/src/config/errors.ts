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

/** A variable that no process reads, or one with a value that is probably not meant. Neither stops a start. */
export interface UnknownVariable {
  variable: string;
  nearest?: string;
  /** What is wrong with the value of a known variable. */
  problem?: string;
  source: string;
}

/** Why a file can't be read, for a message. Docker creates a folder in place of a file that does not exist. */
export function unreadable(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? 'unreadable';
  return code === 'EISDIR'
    ? 'it is a folder; Docker makes one where the file to mount does not exist: remove it and create the file'
    : code;
}

/** Every mistake of a configuration at once: the user does not need one restart per mistake. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly mistakes: readonly Mistake[];
  /** What is probably wrong too, and would not stop a start alone. */
  readonly warnings: readonly UnknownVariable[];

  constructor(mistakes: readonly Mistake[], warnings: readonly UnknownVariable[] = []) {
    super(`the configuration can't be used: ${[...new Set(mistakes.map(({ variable }) => variable))].join(', ')}`);
    this.mistakes = mistakes;
    this.warnings = warnings;
  }
}
