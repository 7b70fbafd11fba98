// Connections that a port has accepted, and that have not shown a right token yet. Beyond the limits the oldest one is
// destroyed: a right client shows its token at once, a silent or slow one is the oldest. So no client is refused because
// of others, also not behind the same address.
import { rateLimitKey } from '../addresses/index.js';

export interface UnadmittedLimits {
  /** Per client address (IPv6: its /64), ... */
  unadmittedPerAddress: number;
  /** ... and in all. */
  unadmitted: number;
}

/** 32 KB each with TLS. */
export const unadmittedLimits: UnadmittedLimits = { unadmittedPerAddress: 1_000, unadmitted: 4_000 };

export interface UnadmittedConnectionsOptions {
  limits: UnadmittedLimits;
  /** Peers with many clients behind them: their connections count only in all. */
  isProxy: (address: string) => boolean;
  /** By reason: `address_unadmitted`, `too_many_unadmitted`. */
  countRefused: (reason: string) => void;
}

/** Destroys a connection. */
type End = () => void;

export class UnadmittedConnections {
  readonly #options: UnadmittedConnectionsOptions;
  // both oldest first
  readonly #all = new Set<End>();
  readonly #byAddress = new Map<string, Set<End>>();

  constructor(options: UnadmittedConnectionsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#all.size;
  }

  /** Returns what to call when the connection has shown a right token or has closed. */
  add(address: string, end: End): () => void {
    const { limits, isProxy, countRefused } = this.#options;
    const key = isProxy(address) ? undefined : rateLimitKey(address);
    const ofAddress = key === undefined ? undefined : (this.#byAddress.get(key) ?? new Set());
    const remove = () => {
      this.#all.delete(ended);
      if (key === undefined || ofAddress === undefined) return;
      ofAddress.delete(ended);
      if (ofAddress.size === 0 && this.#byAddress.get(key) === ofAddress) this.#byAddress.delete(key);
    };
    const ended = () => {
      remove();
      end();
    };
    this.#all.add(ended);
    if (key !== undefined && ofAddress !== undefined) {
      ofAddress.add(ended);
      this.#byAddress.set(key, ofAddress);
      if (ofAddress.size > limits.unadmittedPerAddress) endOldest(ofAddress, 'address_unadmitted');
    }
    if (this.#all.size > limits.unadmitted) endOldest(this.#all, 'too_many_unadmitted');
    return remove;

    function endOldest(set: ReadonlySet<End>, reason: string): void {
      countRefused(reason);
      set.values().next().value!();
    }
  }
}
