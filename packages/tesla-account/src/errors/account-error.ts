import type { Remedy } from '@fleetbridge/fleet-api';
import { type AccountProblem, accountProblems } from './problems.js';

/** What a person can correct on this machine. Never has a key or a token. */
export class TeslaAccountError extends Error implements Remedy {
  override readonly name = 'TeslaAccountError';
  readonly problem: AccountProblem;
  readonly meaning: string;
  readonly remedy: string;
  readonly file: string | undefined;

  constructor(problem: AccountProblem, { file, cause }: { file?: string | undefined; cause?: unknown } = {}) {
    const { meaning, remedy } = accountProblems[problem];
    super(file === undefined ? meaning : `${file}: ${meaning}`, { cause });
    this.problem = problem;
    this.meaning = meaning;
    this.remedy = remedy;
    this.file = file;
  }

  /** For `--json`. */
  toJSON() {
    const { problem, meaning, remedy, file } = this;
    return { problem, meaning, remedy, file };
  }
}
