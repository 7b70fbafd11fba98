// Limits per client address: failed handshakes, and unfinished ones. A success gives a failure back: a carrier's address
// can carry a whole fleet, and one broken vehicle must not delay the others.
import { BoundedMap, TokenBucket } from '../limits/index.js';

export interface AddressLimitOptions {
  /** Failures that an address may have at once, ... */
  failures: number;
  /** ... and how many of them are forgiven per second. */
  forgivenPerSecond: number;
  /** Connections per address that may wait for the client's next bytes at the same time. */
  unfinished: number;
}

const MAX_ADDRESSES = 20_000;

/** A flood adds at most this much beyond the limit, so that it does not block its address for hours. */
const MAX_DEBT = 1;

interface AddressState<C> {
  /** One token per failure that the address may still have. */
  readonly failures: TokenBucket;
  /** Oldest first; undefined while all have finished. */
  unfinished: Set<C> | undefined;
  /** The limit has already been logged. */
  isLogged: boolean;
}

export class AddressLimits<C> {
  readonly #limits: AddressLimitOptions;
  readonly #now: () => number;
  readonly #byAddress = new BoundedMap<AddressState<C>>({ maxKeys: MAX_ADDRESSES });
  readonly #create: () => AddressState<C>;

  /** `now` in milliseconds, from any origin. */
  constructor(limits: AddressLimitOptions, now: () => number) {
    this.#limits = limits;
    this.#now = now;
    const limit = { capacity: limits.failures, perSecond: limits.forgivenPerSecond };
    this.#create = () => ({ failures: new TokenBucket(limit), unfinished: undefined, isLogged: false });
  }

  get size(): number {
    return this.#byAddress.size;
  }

  hasFailedTooOften(address: string): boolean {
    const state = this.#byAddress.get(address);
    return state !== undefined && this.#failuresLeft(state) <= 0;
  }

  recordFailure(address: string): void {
    const state = this.#byAddress.use(address, this.#create);
    this.#failuresLeft(state);
    state.failures.take(this.#now(), MAX_DEBT);
  }

  recordSuccess(address: string): void {
    const state = this.#byAddress.get(address);
    if (state === undefined) return;
    this.#failuresLeft(state);
    state.failures.giveBack(this.#now());
  }

  /**
   * The connection of the address waits for its client. Returns the one to close when that exceeds the limit: the oldest,
   * since a client that is served has finished before.
   */
  addUnfinished(address: string, connection: C): C | undefined {
    const state = this.#byAddress.use(address, this.#create);
    state.unfinished ??= new Set();
    state.unfinished.add(connection);
    return state.unfinished.size > this.#limits.unfinished ? state.unfinished.values().next().value : undefined;
  }

  removeUnfinished(address: string, connection: C): void {
    const state = this.#byAddress.get(address);
    state?.unfinished?.delete(connection);
    if (state?.unfinished?.size === 0) state.unfinished = undefined;
  }

  /** True once each time that an address becomes limited, for one line in the log. */
  shouldLog(address: string): boolean {
    const state = this.#byAddress.use(address, this.#create);
    if (state.isLogged) return false;
    state.isLogged = true;
    return true;
  }

  /** Deletes addresses without failures and unfinished connections. Call it periodically. */
  cleanup(): void {
    this.#byAddress.deleteIf((state) => {
      this.#failuresLeft(state);
      return state.unfinished === undefined && state.failures.isFull(this.#now());
    });
  }

  /** Half of the failures forgiven ends the incident: the next one is logged again. */
  #failuresLeft(state: AddressState<C>): number {
    const left = state.failures.level(this.#now());
    if (left > this.#limits.failures / 2) state.isLogged = false;
    return left;
  }
}
