// Trims the log of a partition, and reports which subscriptions lost entries by it.
import type { Logger } from '@fleetbridge/service';
import { type SnapshotStore, type Store, type SubscriptionStore, trimPartition } from '@fleetbridge/store';
import { type LagCounts, logOvertaken, neededFrom, type PartitionLag } from '../subscription/index.js';

export interface RetentionLimits {
  /** Older entries are removed, delivered or not. */
  hours: number;
  /** Above this number, entries that the snapshot and every active subscription have are removed. */
  entries: number;
}

export interface RetentionCounts {
  /** Entries removed. */
  trimmed: number;
  subscriptions: LagCounts;
}

export interface RetentionOptions {
  store: Store;
  retention: RetentionLimits;
  snapshots: Pick<SnapshotStore, 'cursor'>;
  subscriptions: Pick<SubscriptionStore, 'list' | 'control'>;
  counts: RetentionCounts;
  log: Logger;
  now: () => number;
}

export async function applyRetention(
  partition: number,
  lags: readonly PartitionLag[],
  { store, retention, snapshots, subscriptions, counts, log, now }: RetentionOptions,
): Promise<void> {
  const deliveredUpTo = neededFrom(lags, partition, await snapshots.cursor(partition));
  const trimmed = await trimPartition(store, { partition, nowMs: now(), deliveredUpTo, ...retention });
  counts.trimmed += trimmed;
  if (trimmed === 0) return;
  log.debug({ partition, trimmed }, 'log_trimmed');
  const [first] = await store.redis.xrange(store.keys(partition).records, '-', '+', 'COUNT', 1);
  await logOvertaken(lags, {
    partition,
    firstKept: first?.[0],
    store: subscriptions,
    counts: counts.subscriptions,
    log,
  });
}
