// A token bucket: `capacity` tokens at once, refilled at a constant rate. Pure: the caller passes the time. Whether an
// empty bucket rejects, delays or only counts is the caller's policy.

export interface TokenBucketLimit {
  capacity: number;
  /** Tokens added per second; 0 = never refilled. */
  perSecond: number;
}

/** Rounding errors of a sum of thirds; a bucket that is short by less counts as refilled. */
const TOLERANCE_MS = 0.001;

export class TokenBucket {
  readonly #capacity: number;
  readonly #perMs: number;
  readonly #tolerance: number;
  #level: number;
  #refilledMs = 0;

  /** Starts full. */
  constructor({ capacity, perSecond }: TokenBucketLimit) {
    this.#capacity = capacity;
    this.#perMs = perSecond / 1000;
    this.#tolerance = TOLERANCE_MS * this.#perMs;
    this.#level = capacity;
  }

  /** Removes tokens, one by default. The level can become negative, but not below `-maxDebt`. */
  take(nowMs: number, maxDebt = Number.POSITIVE_INFINITY, tokens = 1): void {
    this.#refill(nowMs);
    this.#level = Math.max(this.#level - tokens, -maxDebt);
  }

  giveBack(nowMs: number): void {
    this.#refill(nowMs);
    this.#level = Math.min(this.#level + 1, this.#capacity);
  }

  /** Tokens that are left; negative while the bucket is in debt. */
  level(nowMs: number): number {
    this.#refill(nowMs);
    return this.#level;
  }

  /** Milliseconds until a token is available; 0 = now. */
  waitMs(nowMs: number): number {
    this.#refill(nowMs);
    const missing = 1 - this.#level;
    return missing <= this.#tolerance ? 0 : Math.ceil(missing / this.#perMs - TOLERANCE_MS);
  }

  isFull(nowMs: number): boolean {
    this.#refill(nowMs);
    return this.#level >= this.#capacity - this.#tolerance;
  }

  #refill(nowMs: number): void {
    // a clock that is set back neither adds nor removes tokens
    const elapsedMs = Math.max(0, nowMs - this.#refilledMs);
    this.#refilledMs = nowMs;
    this.#level = Math.min(this.#capacity, this.#level + elapsedMs * this.#perMs);
  }
}
