export type ServerCertificateProblem = 'missing' | 'unreadable' | 'key_mismatch' | 'expired';

/** A server certificate can't be served. */
export class ServerCertificateError extends Error {
  override readonly name = 'ServerCertificateError';
  readonly problem: ServerCertificateProblem;
  /** The file that has to be looked at. */
  readonly file: string;

  constructor(problem: ServerCertificateProblem, message: string, options: { file: string; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.problem = problem;
    this.file = options.file;
  }
}
