// The error of a port that can't be opened; the process exits with 1.

export type ListenErrorCode = 'port_in_use' | 'port_forbidden' | 'address_unavailable';

/** A server can't listen where the configuration asks for it. The message names the variable to change. */
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
