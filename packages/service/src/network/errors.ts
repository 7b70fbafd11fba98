// A port that can't be opened: the process exits with 1 and names the variable that moves the port.

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
