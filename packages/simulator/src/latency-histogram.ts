// Latencies of any number of records in a fixed amount of memory: 64 buckets a doubling, so a value read from it is at
// most 1.6 % off.

const BUCKETS_A_DOUBLING = 64;
const SMALLEST_MS = 0.001;
/** Up to about 4 minutes. */
const BUCKETS = 28 * BUCKETS_A_DOUBLING;

export class LatencyHistogram {
  readonly #counts = new Float64Array(BUCKETS);
  #count = 0;
  #sumMs = 0;
  #maxMs = 0;

  get count(): number {
    return this.#count;
  }

  get maxMs(): number {
    return this.#maxMs;
  }

  get meanMs(): number {
    return this.#count === 0 ? 0 : this.#sumMs / this.#count;
  }

  add(ms: number): void {
    const bucket = Math.floor(Math.log2(Math.max(ms, SMALLEST_MS) / SMALLEST_MS) * BUCKETS_A_DOUBLING);
    const index = Math.min(BUCKETS - 1, bucket);
    this.#counts[index] = this.#counts[index]! + 1;
    this.#count++;
    this.#sumMs += ms;
    if (ms > this.#maxMs) this.#maxMs = ms;
  }

  /** `quantileMs(0.99)`: 99 % took no longer. 0 when nothing was counted. */
  quantileMs(share: number): number {
    let left = Math.ceil(this.#count * share);
    for (let index = 0; index < BUCKETS; index++) {
      left -= this.#counts[index]!;
      if (left <= 0 && this.#count > 0) {
        return Math.min(this.#maxMs, SMALLEST_MS * 2 ** ((index + 1) / BUCKETS_A_DOUBLING));
      }
    }
    return this.#maxMs;
  }
}
