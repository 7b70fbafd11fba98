// Retention by bytes: while Redis uses more than RETENTION_MEMORY_PERCENT of its memory limit, entries are removed that the
// snapshots and every active subscription have. Otherwise Redis would fill up, and no vehicle would be acknowledged.
import type { Logger } from '@fleetbridge/service';
import { type SnapshotStore, type Store, trimDelivered } from '@fleetbridge/store';
import { neededFrom, type PartitionLag } from '../subscription/index.js';
import type { MemoryCounts } from './memory-alarm.js';

export interface MemoryRetentionOptions {
  store: Store;
  /** 0: off. */
  memoryPercent: number;
  snapshots: Pick<SnapshotStore, 'cursor'>;
  counts: MemoryCounts & { trimmed: number };
  log: Pick<Logger, 'debug' | 'warn'>;
}

export class MemoryRetention {
  readonly #options: MemoryRetentionOptions;
  #isShort = false;

  constructor(options: MemoryRetentionOptions) {
    this.#options = options;
  }

  /** One pass, with the memory use of `counts`. Logs once when the use passes the limit. */
  async run(partitions: readonly number[], lags: readonly PartitionLag[]): Promise<void> {
    const { store, memoryPercent, snapshots, counts, log } = this.#options;
    const { redisUsedBytes: used, redisLimitBytes: limit } = counts;
    const wasShort = this.#isShort;
    this.#isShort = memoryPercent > 0 && limit > 0 && used > (limit * memoryPercent) / 100;
    if (!this.#isShort) return;
    if (!wasShort) {
      const remedy = "raise Redis' maxmemory; until then delivered records are removed before RETENTION_HOURS";
      log.warn({ used_bytes: used, limit_bytes: limit, remedy }, 'delivered_records_trimmed');
    }
    for (const partition of partitions) {
      const deliveredUpTo = neededFrom(lags, partition, await snapshots.cursor(partition));
      const trimmed = await trimDelivered(store, { partition, deliveredUpTo });
      counts.trimmed += trimmed;
      if (trimmed > 0) log.debug({ partition, trimmed }, 'log_trimmed');
    }
  }
}
