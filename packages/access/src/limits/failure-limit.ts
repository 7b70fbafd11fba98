// Failed attempts per client address, to slow down guessing and costly checks. TeslaMate with a wrong token reconnects
// every 25 s, far below the default.
import { rateLimitKey } from '../addresses/index.js';
import { BoundedMap } from './bounded-map.js';
import { TokenBucket } from './token-bucket.js';

const MAX_ADDRESSES = 10_000;

export interface FailureLimitOptions {
  /** Milliseconds from any origin; default: the monotonic clock. */
  now?: (() => number) | undefined;
  /** Failures that an address may have at once, ... */
  atOnce?: number;
  /** ... and how many are forgiven per minute. */
  perMinute?: number;
}

export class FailureLimit {
  readonly #now: () => number;
  readonly #create: () => TokenBucket;
  readonly #buckets = new BoundedMap<TokenBucket>({ maxKeys: MAX_ADDRESSES });

  constructor({ now = () => performance.now(), atOnce = 20, perMinute = 20 }: FailureLimitOptions = {}) {
    this.#now = now;
    this.#create = () => new TokenBucket({ capacity: atOnce, perSecond: perMinute / 60 });
  }

  isReached(address: string): boolean {
    const bucket = this.#buckets.get(rateLimitKey(address));
    return bucket !== undefined && bucket.waitMs(this.#now()) > 0;
  }

  recordFailure(address: string): void {
    // no debt: a flood does not block its address for longer than the last failures do
    this.#buckets.use(rateLimitKey(address), this.#create).take(this.#now(), 0);
  }

  /** Takes back a failure that was recorded before an attempt, which then succeeded. */
  forgive(address: string): void {
    this.#buckets.get(rateLimitKey(address))?.giveBack(this.#now());
  }
}
