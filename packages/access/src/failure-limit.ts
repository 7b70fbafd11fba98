// How often one address may be wrong. A bucket an address: a failure takes one out, time puts them back. TeslaMate with
// a wrong token comes back every 25 s, far below it.
import { isIPv6 } from 'node:net';

const FAILURES_AT_ONCE = 20;
const FAILURES_A_MINUTE = 20;
/** The address that failed longest ago is forgotten first. */
const ADDRESSES = 10_000;

interface Bucket {
  left: number;
  atMs: number;
}

export class FailureLimit {
  readonly #now: () => number;
  readonly #buckets = new Map<string, Bucket>();

  constructor({ now }: { now: () => number }) {
    this.#now = now;
  }

  isReached(address: string): boolean {
    const bucket = this.#buckets.get(network(address));
    return bucket !== undefined && this.#left(bucket) < 1;
  }

  failed(address: string): void {
    const key = network(address);
    const bucket = this.#buckets.get(key);
    const left = bucket === undefined ? FAILURES_AT_ONCE : this.#left(bucket);
    this.#buckets.delete(key);
    this.#buckets.set(key, { left: Math.max(0, left - 1), atMs: this.#now() });
    if (this.#buckets.size > ADDRESSES) this.#buckets.delete(this.#buckets.keys().next().value!);
  }

  #left({ left, atMs }: Bucket): number {
    return Math.min(FAILURES_AT_ONCE, left + ((this.#now() - atMs) / 60_000) * FAILURES_A_MINUTE);
  }
}

/** An IPv6 host has a whole /64 to come from. */
function network(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros =
    tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => '0');
  return [...before, ...zeros, ...after].slice(0, 4).join(':');
}
