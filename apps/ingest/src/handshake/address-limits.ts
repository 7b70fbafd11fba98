// What each address has been doing lately at the vehicles' port: handshakes that failed, and those that it leaves
// unfinished. Successes never count against it, since a whole fleet can sit behind one address of a carrier; they even
// take a failure back, so that one broken vehicle does not shut out the others.

export interface AddressLimitOptions {
  /** Failures that an address may have at once, ... */
  failures: number;
  /** ... and how many of them are forgiven a second. */
  forgivenPerSecond: number;
  /** Connections that an address may leave waiting for its next bytes at a time. */
  unfinished: number;
}

/** Addresses that are remembered at a time; beyond it the oldest are forgotten. */
const MAX_ADDRESSES = 20_000;

interface Conduct {
  failures: number;
  /** When `failures` was right. */
  atMs: number;
  unfinished: number;
  /** That it is limited has been told. */
  isTold: boolean;
}

export class AddressLimits {
  readonly #limits: AddressLimitOptions;
  readonly #now: () => number;
  readonly #byAddress = new Map<string, Conduct>();

  /** `now` in milliseconds, from any beginning. */
  constructor(limits: AddressLimitOptions, now: () => number) {
    this.#limits = limits;
    this.#now = now;
  }

  get size(): number {
    return this.#byAddress.size;
  }

  /** Whether it has failed so often that it has to wait. */
  hasFailedTooOften(address: string): boolean {
    const conduct = this.#byAddress.get(address);
    if (conduct === undefined) return false;
    this.#forgive(conduct);
    return conduct.failures >= this.#limits.failures;
  }

  failed(address: string): void {
    const conduct = this.#of(address);
    this.#forgive(conduct);
    // bounded, so that a flood is not held against it for hours
    conduct.failures = Math.min(conduct.failures + 1, this.#limits.failures + 1);
  }

  succeeded(address: string): void {
    const conduct = this.#byAddress.get(address);
    if (conduct === undefined) return;
    this.#forgive(conduct);
    conduct.failures = Math.max(0, conduct.failures - 1);
  }

  /** One more of its connections waits for its client. Returns false when that is one too many. */
  leavesUnfinished(address: string): boolean {
    const conduct = this.#of(address);
    conduct.unfinished++;
    return conduct.unfinished <= this.#limits.unfinished;
  }

  /** One of those has come to an end, either way. */
  isFinished(address: string): void {
    const conduct = this.#byAddress.get(address);
    if (conduct !== undefined) conduct.unfinished = Math.max(0, conduct.unfinished - 1);
  }

  /** True once for each time that an address becomes limited, for one line in the log. */
  isNews(address: string): boolean {
    const conduct = this.#of(address);
    if (conduct.isTold) return false;
    conduct.isTold = true;
    return true;
  }

  /** Forgets those against whom nothing is held any more. Called now and then. */
  tidy(): void {
    for (const [address, conduct] of this.#byAddress) {
      this.#forgive(conduct);
      if (conduct.failures === 0 && conduct.unfinished === 0) this.#byAddress.delete(address);
    }
  }

  #of(address: string): Conduct {
    let conduct = this.#byAddress.get(address);
    if (conduct === undefined) {
      if (this.#byAddress.size >= MAX_ADDRESSES) this.#byAddress.delete(this.#byAddress.keys().next().value!);
      conduct = { failures: 0, atMs: this.#now(), unfinished: 0, isTold: false };
      this.#byAddress.set(address, conduct);
    }
    return conduct;
  }

  #forgive(conduct: Conduct): void {
    const nowMs = this.#now();
    const forgiven = ((nowMs - conduct.atMs) / 1000) * this.#limits.forgivenPerSecond;
    conduct.failures = Math.max(0, conduct.failures - forgiven);
    conduct.atMs = nowMs;
    if (conduct.failures < this.#limits.failures / 2) conduct.isTold = false;
  }
}
