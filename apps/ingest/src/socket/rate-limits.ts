// Messages per vehicle (RATE_LIMIT): one token bucket per VIN, one token per message. Never rejects: reading pauses until
// a token is available. A burst that was already read is charged as debt, so on average the limit is kept exactly.
import { BoundedMap, TokenBucket } from '@fleetbridge/access';

export interface RateLimit {
  /** Messages at once, and on average in any `seconds`. */
  records: number;
  seconds: number;
}

export class RateLimits {
  // bounded by the admitted vehicles; an evicted bucket would forgive its debt
  readonly #buckets = new BoundedMap<TokenBucket>({ maxKeys: Number.POSITIVE_INFINITY });
  readonly #create: () => TokenBucket;

  constructor({ records, seconds }: RateLimit) {
    const limit = { capacity: records, perSecond: records / seconds };
    this.#create = () => new TokenBucket(limit);
  }

  /** The same for all connections of a VIN: a reconnect does not refill it. */
  bucketOf(vin: string): TokenBucket {
    return this.#buckets.use(vin, this.#create);
  }

  /** A full bucket carries no information. */
  deleteFull(nowMs: number, isConnected: (vin: string) => boolean): void {
    this.#buckets.deleteIf((bucket, vin) => bucket.isFull(nowMs) && !isConnected(vin));
  }

  get size(): number {
    return this.#buckets.size;
  }
}
