// Wakes readers at the end of a partition when an entry is appended. Subscriptions read in scripts, which can't block, so
// one connection per partition blocks for all of them.
import { setTimeout as delay } from 'node:timers/promises';
import { compareEntryIds } from '@fleetbridge/protocol';

import { connectRedis, type RedisConnection, type Store } from '../redis/index.js';

const BLOCK_MS = 2_000;

export class AppendNotifier {
  readonly #redis: RedisConnection;
  readonly #records: string;
  readonly #waiting = new Set<() => void>();
  #seenUpTo = '0-0';
  #isWatching = false;
  #isStopped = false;

  constructor({ store, partition }: { store: Store; partition: number }) {
    this.#redis = connectRedis({ url: store.url, name: 'fleetbridge-notifier' });
    this.#records = store.keys(partition).records;
  }

  /** Resolves when there may be entries after `id`, at the latest after two seconds. */
  async wait(id: string): Promise<void> {
    if (this.#isStopped) return;
    // There is a later entry already. The delay prevents a busy loop after a Redis has lost its newest entries.
    if (compareEntryIds(id, this.#seenUpTo) < 0) return await delay(5);
    this.#seenUpTo = id;
    await new Promise<void>((resolve) => {
      this.#waiting.add(resolve);
      if (!this.#isWatching) void this.#watch();
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#redis.disconnect();
    this.#wakeAll();
  }

  async #watch(): Promise<void> {
    this.#isWatching = true;
    while (this.#waiting.size > 0 && !this.#isStopped) {
      try {
        const reply = await this.#redis.xreadBuffer(
          'COUNT',
          1,
          'BLOCK',
          BLOCK_MS,
          'STREAMS',
          this.#records,
          this.#seenUpTo,
        );
        const streams = reply as unknown as [Buffer, [Buffer, Buffer[]][]][] | null;
        const id = streams?.[0]?.[1][0]?.[0].toString();
        if (id !== undefined && compareEntryIds(id, this.#seenUpTo) > 0) this.#seenUpTo = id;
      } catch {
        // Redis is unreachable; the readers get the error from their own reads
        await delay(100);
      }
      this.#wakeAll();
    }
    this.#isWatching = false;
  }

  #wakeAll(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }
}
