// Failed attempts per client address, to slow down guessing of tokens. TeslaMate with a wrong token reconnects every
// 25 s, far below the limit.
import { rateLimitKey } from '../addresses/index.js';
import { BoundedMap } from './bounded-map.js';
import { TokenBucket } from './token-bucket.js';

const FAILURES_AT_ONCE = 20;
const FAILURES_PER_MINUTE = 20;
const MAX_ADDRESSES = 10_000;

export class FailureLimit {
  readonly #now: () => number;
  readonly #buckets = new BoundedMap({
    maxKeys: MAX_ADDRESSES,
    create: () => new TokenBucket({ capacity: FAILURES_AT_ONCE, perSecond: FAILURES_PER_MINUTE / 60 }),
  });

  constructor({ now }: { now: () => number }) {
    this.#now = now;
  }

  isReached(address: string): boolean {
    const bucket = this.#buckets.get(rateLimitKey(address));
    return bucket !== undefined && bucket.waitMs(this.#now()) > 0;
  }

  recordFailure(address: string): void {
    // no debt: a flood does not block its address for longer than the last failures do
    this.#buckets.use(rateLimitKey(address)).take(this.#now(), 0);
  }
}
