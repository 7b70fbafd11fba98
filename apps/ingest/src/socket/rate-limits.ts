// How much each vehicle may send: a bucket of tokens a VIN, one token a message. Nothing is refused for want of a token:
// a socket over its limit is not read until there is one again. What had been read by then is taken, so a bucket can
// go into debt, and the wait is the longer for it: on average the limit is kept exactly.

export interface RateLimit {
  /** Messages at once, and in any `seconds` on average. */
  records: number;
  seconds: number;
}

export class RateLimits {
  readonly #limit: RateLimit;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(limit: RateLimit) {
    this.#limit = limit;
  }

  /** The same for all connections of a VIN: a new one does not bring new tokens. */
  bucketOf(vin: string, nowMs: number): TokenBucket {
    const known = this.#buckets.get(vin);
    if (known !== undefined) return known;
    const bucket = new TokenBucket(this.#limit, nowMs);
    this.#buckets.set(vin, bucket);
    return bucket;
  }

  /** A full bucket remembers nothing. */
  forgetFull(nowMs: number, isConnected: (vin: string) => boolean): void {
    for (const [vin, bucket] of this.#buckets) {
      if (bucket.isFull(nowMs) && !isConnected(vin)) this.#buckets.delete(vin);
    }
  }

  get size(): number {
    return this.#buckets.size;
  }
}

/** Counts in milliseconds, of which each token has cost its share: whole numbers stay whole. */
export class TokenBucket {
  readonly #capacityMs: number;
  readonly #tokenMs: number;
  #creditMs: number;
  #atMs: number;

  constructor({ records, seconds }: RateLimit, nowMs: number) {
    this.#capacityMs = seconds * 1000;
    this.#tokenMs = this.#capacityMs / records;
    this.#creditMs = this.#capacityMs;
    this.#atMs = nowMs;
  }

  take(nowMs: number): void {
    this.#refill(nowMs);
    this.#creditMs -= this.#tokenMs;
  }

  /** Until there is a token; 0 = there is one. */
  waitMs(nowMs: number): number {
    this.#refill(nowMs);
    // a third of a second, three times, is a little less than a second
    const missingMs = this.#tokenMs - this.#creditMs;
    return missingMs < 0.001 ? 0 : Math.ceil(missingMs);
  }

  isFull(nowMs: number): boolean {
    this.#refill(nowMs);
    return this.#creditMs >= this.#capacityMs;
  }

  #refill(nowMs: number): void {
    // a clock that was set back gives nothing and takes nothing
    const elapsedMs = Math.max(0, nowMs - this.#atMs);
    this.#atMs = nowMs;
    this.#creditMs = Math.min(this.#capacityMs, this.#creditMs + elapsedMs);
  }
}
