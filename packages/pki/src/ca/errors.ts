export type CaBundleProblem = 'no_certificate' | 'not_a_certificate' | 'unreadable_certificate';

/** A CA bundle is not usable. */
export class CaBundleError extends Error {
  override readonly name = 'CaBundleError';
  readonly problem: CaBundleProblem;
  readonly source: string;
  /** Number of the PEM block, from 1, and the line on which it starts; absent when there is no block. */
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

export type TeslaCaProblem = 'unreachable' | 'unreadable' | 'no_known_ca';

/** Tesla's CA bundle could not be fetched. */
export class TeslaCaError extends Error {
  override readonly name = 'TeslaCaError';
  readonly problem: TeslaCaProblem;
  /** The bundle of an earlier fetch, which stays in use; absent when there was no fetch. */
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
