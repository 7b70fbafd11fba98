// Keeps messages that could not be parsed, for troubleshooting.

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

  /** Keeps about the newest thousand messages per partition. */
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
