/** A file of the development certificates can't be read, written or used; nothing was overwritten. */
export class DevelopmentPkiError extends Error {
  override readonly name = 'DevelopmentPkiError';
  readonly file: string;

  constructor(message: string, options: { file: string; cause?: unknown }) {
    super(`${message}: ${options.file}`, { cause: options.cause });
    this.file = options.file;
  }
}
