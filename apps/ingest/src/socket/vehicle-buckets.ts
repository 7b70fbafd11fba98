// One token bucket per VIN: for messages (RATE_LIMIT_RECORDS), bytes (VEHICLE_BYTES_PER_MINUTE) and connects. It is that of
// the vehicle and not of a connection, so a reconnect does not refill it.
import { BoundedMap, TokenBucket, type TokenBucketLimit } from '@fleetbridge/access';

export class VehicleBuckets {
  // bounded by the admitted vehicles; an evicted bucket would forgive its debt
  readonly #buckets = new BoundedMap<TokenBucket>({ maxKeys: Number.POSITIVE_INFINITY });
  readonly #create: () => TokenBucket;

  constructor(limit: TokenBucketLimit) {
    this.#create = () => new TokenBucket(limit);
  }

  /** The same for all connections of a VIN. Its times are those of the monotonic clock. */
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
