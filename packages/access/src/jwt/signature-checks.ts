// Limits how many signatures of one address are checked, since a check costs CPU. A token that was valid before needs no
// new check while its address is limited: a flood of forged tokens must not lock out a client behind the same address.
import { createHash } from 'node:crypto';
import { BoundedMap, FailureLimit } from '../limits/index.js';

const FAILED_CHECKS_AT_ONCE = 20;
const FAILED_CHECKS_PER_MINUTE = 300;
const MAX_REMEMBERED = 10_000;

export interface SignatureChecksOptions<T> {
  /** Until when a result may be reused, in epoch milliseconds; 0: it could not be checked; undefined: it is not valid. */
  validUntilMs: (result: T) => number | undefined;
  /** Epoch milliseconds. */
  now: () => number;
  /** For the limit: milliseconds from any origin; default: the monotonic clock. */
  monotonicNow?: (() => number) | undefined;
}

export class SignatureChecks<T> {
  readonly #options: SignatureChecksOptions<T>;
  readonly #limit: FailureLimit;
  readonly #valid = new BoundedMap<T>({ maxKeys: MAX_REMEMBERED });

  constructor(options: SignatureChecksOptions<T>) {
    this.#options = options;
    this.#limit = new FailureLimit({
      now: options.monotonicNow,
      atOnce: FAILED_CHECKS_AT_ONCE,
      perMinute: FAILED_CHECKS_PER_MINUTE,
    });
  }

  /** undefined: the address is limited and the token is not known. Whether it is valid is not known: try again later. */
  async run(token: string, address: string, check: () => Promise<T>): Promise<T | undefined> {
    const key = createHash('sha256').update(token).digest('base64');
    if (this.#limit.isReached(address)) return this.#remembered(key);
    // recorded before, so that checks at the same time are limited too
    this.#limit.recordFailure(address);
    const result = await check();
    const validUntilMs = this.#options.validUntilMs(result);
    if (validUntilMs === undefined) return result;
    this.#limit.forgive(address);
    if (validUntilMs > 0) this.#valid.set(key, result);
    return result;
  }

  #remembered(key: string): T | undefined {
    const { validUntilMs, now } = this.#options;
    const result = this.#valid.get(key);
    return result !== undefined && now() < validUntilMs(result)! ? result : undefined;
  }
}
