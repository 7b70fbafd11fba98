// The one error of this package: which call failed, what Tesla answered, what it means and what to do.
import { type Problem, problems, type Remedy } from './problems.js';

/** Whether Tesla may have executed the request. `answered`: Tesla's status is known. */
export type Delivery = 'not_sent' | 'unknown' | 'answered';

export interface FleetApiFailure {
  readonly problem: Problem;
  readonly endpoint: string;
  readonly delivery: Delivery;
  readonly status?: number | undefined;
  /** Tesla's own words, shortened; never a secret that was sent. */
  readonly teslaError?: string | undefined;
  readonly retryAfterSeconds?: number | undefined;
  readonly cause?: unknown;
}

export class FleetApiError extends Error implements Remedy {
  override readonly name = 'FleetApiError';
  readonly problem: Problem;
  readonly endpoint: string;
  readonly delivery: Delivery;
  readonly status: number | undefined;
  readonly teslaError: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly meaning: string;
  readonly remedy: string;

  constructor({ problem, endpoint, delivery, status, teslaError, retryAfterSeconds, cause }: FleetApiFailure) {
    const { meaning, remedy } = problems[problem];
    const answer = [status, teslaError].filter((part) => part !== undefined && part !== '').join(' ');
    const wait = retryAfterSeconds === undefined ? '' : ` Tesla asks to wait for ${retryAfterSeconds} s.`;
    const reason = status === undefined ? reasonOf(cause) : undefined;
    const why = reason === undefined ? '' : ` Reason: ${reason}.`;
    super(`${endpoint}: ${meaning}${why}${answer === '' ? '' : ` Tesla answered: ${answer}`}${wait}`, { cause });
    this.problem = problem;
    this.endpoint = endpoint;
    this.delivery = delivery;
    this.status = status;
    this.teslaError = teslaError;
    this.retryAfterSeconds = retryAfterSeconds;
    this.meaning = meaning;
    this.remedy = remedy;
  }

  /** For `--json`. */
  toJSON() {
    const { problem, endpoint, delivery, status, teslaError, retryAfterSeconds, meaning, remedy } = this;
    return { problem, endpoint, delivery, status, teslaError, retryAfterSeconds, meaning, remedy };
  }
}

/** The code of the system or of OpenSSL, such as ECONNREFUSED. Not the message, which could have a header of the request. */
function reasonOf(cause: unknown): string | undefined {
  const { code } = (cause ?? {}) as NodeJS.ErrnoException;
  return typeof code === 'string' ? code : undefined;
}
