// What can't be understood is kept for a while, for whoever has to find out why.

import type { Store } from '../redis/index.js';

const KEPT = 1_000;

export interface QuarantinedMessage {
  vin: string;
  reason: string;
  receivedMs: number;
  bytes: Buffer;
}

export class Quarantine {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Bounded to the newest thousand a partition. Best effort: nothing waits for it. */
  async add({ vin, reason, receivedMs, bytes }: QuarantinedMessage): Promise<void> {
    const { quarantine } = this.#store.keysOf(vin);
    await this.#store.redis.xadd(
      quarantine,
      'MAXLEN',
      '~',
      KEPT,
      '*',
      'vin',
      vin,
      'reason',
      reason,
      'received',
      String(receivedMs),
      'bytes',
      bytes,
    );
  }
}
