// What can go wrong here that a caller tells apart. Each message says what, where and what to do; no key material in any.

/** A certificate was asked for that can't be made: a host that is none, an authority or key that can't sign. */
export class CertificateRequestError extends Error {
  override readonly name = 'CertificateRequestError';
}

/** A file of the development certificates is in the way; nothing was overwritten. */
export class DevelopmentPkiError extends Error {
  override readonly name = 'DevelopmentPkiError';
  readonly file: string;

  constructor(message: string, options: { file: string; cause?: unknown }) {
    super(`${message}: ${options.file}`, { cause: options.cause });
    this.file = options.file;
  }
}

export type CaBundleProblem = 'no_certificate' | 'not_a_certificate' | 'unreadable_certificate';

/** A CA bundle can't be used. */
export class CaBundleError extends Error {
  override readonly name = 'CaBundleError';
  readonly problem: CaBundleProblem;
  readonly source: string;
  /** Which PEM block, counted from 1, and the line on which it starts; absent when there is no block at all. */
  readonly block: number | undefined;
  readonly line: number | undefined;

  constructor(
    problem: CaBundleProblem,
    message: string,
    place: { source: string; block?: number; line?: number; cause?: unknown },
  ) {
    super(message, { cause: place.cause });
    this.problem = problem;
    this.source = place.source;
    this.block = place.block;
    this.line = place.line;
  }
}

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

export type TeslaCaProblem = 'unreachable' | 'unreadable' | 'none_known';

/** Tesla's CA bundle could not be had. */
export class TeslaCaError extends Error {
  override readonly name = 'TeslaCaError';
  readonly problem: TeslaCaProblem;
  /** The bundle of an earlier time, which stays in use; absent when there is none. */
  readonly storedFile: string | undefined;

  constructor(
    problem: TeslaCaProblem,
    message: string,
    facts: { storedFile?: string | undefined; cause?: unknown } = {},
  ) {
    super(message, { cause: facts.cause });
    this.problem = problem;
    this.storedFile = facts.storedFile;
  }
}
