export type ServerCertificateProblem = 'missing' | 'unreadable' | 'key_mismatch' | 'expired';

/** A server certificate is not usable. */
export class ServerCertificateError extends Error {
  override readonly name = 'ServerCertificateError';
  readonly problem: ServerCertificateProblem;
  /** The file that causes the error. */
  readonly file: string;

  constructor(problem: ServerCertificateProblem, message: string, options: { file: string; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.problem = problem;
    this.file = options.file;
  }
}
