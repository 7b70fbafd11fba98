// How far behind each subscription is, for the metrics and for retention: entries that an active subscription still needs
// are not trimmed by number, and a removal by age is logged.
import { compareEntryIds } from '@fleetbridge/protocol';
import type { Logger } from '@fleetbridge/service';
import type { SubscriptionLag, SubscriptionStore } from '@fleetbridge/store';

export interface PartitionLag extends SubscriptionLag {
  subscription: string;
  isPaused: boolean;
}

export interface LagCounts {
  /** By subscription, then by partition of this process. */
  lags: Map<string, Map<number, SubscriptionLag>>;
  /** Names of paused subscriptions. */
  paused: ReadonlySet<string>;
  /** By subscription: how often retention removed undelivered entries. */
  overtaken: Record<string, number>;
}

type Store = Pick<SubscriptionStore, 'list' | 'control'>;

/** The lag of every subscription in these partitions. Other processes measure other partitions. */
export async function measureLags(
  store: Store,
  partitions: readonly number[],
  counts: LagCounts,
): Promise<PartitionLag[]> {
  const lags = new Map<string, Map<number, SubscriptionLag>>();
  const all: PartitionLag[] = [];
  const pausedNames = new Set<string>();
  for (const { name, paused } of await store.list()) {
    if (paused !== undefined) pausedNames.add(name);
    const control = store.control(name);
    const measured = await Promise.all(partitions.map((partition) => control.lagOf(partition)));
    lags.set(name, new Map(measured.map((lag) => [lag.partition, lag])));
    all.push(...measured.map((lag) => ({ ...lag, subscription: name, isPaused: paused !== undefined })));
  }
  counts.lags = lags;
  counts.paused = pausedNames;
  return all;
}

/** The id of the first entry that an active subscription needs; at most `cursor`. */
export function neededFrom(lags: readonly PartitionLag[], partition: number, cursor: string): string {
  const neededIds = lags.flatMap((lag) => (lag.partition === partition && !lag.isPaused ? (lag.neededFrom ?? []) : []));
  return neededIds.reduce((first, id) => (compareEntryIds(id, first) < 0 ? id : first), cursor);
}

/** Call it after trimming. `firstKept` is the oldest entry left; undefined: the log is empty. */
export async function logOvertaken(
  lags: readonly PartitionLag[],
  {
    partition,
    firstKept,
    store,
    counts,
    log,
  }: {
    partition: number;
    firstKept: string | undefined;
    store: Store;
    counts: LagCounts;
    log: Logger;
  },
): Promise<void> {
  for (const { subscription, isPaused, firstNew, partition: lagPartition } of lags) {
    if (lagPartition !== partition || firstNew === undefined) continue;
    if (firstKept !== undefined && compareEntryIds(firstNew, firstKept) >= 0) continue;
    // skips what the owner had read before it was removed: the owner itself reports missing pending entries
    const { lastGiven } = await store.control(subscription).lagOf(partition);
    if (lastGiven === undefined || compareEntryIds(lastGiven, firstNew) >= 0) continue;
    counts.overtaken[subscription] = (counts.overtaken[subscription] ?? 0) + 1;
    await store.control(subscription).markLost(partition, firstKept ?? firstNew);
    log.error(
      {
        subscription,
        partition,
        paused: isPaused,
        lost_from: firstNew,
        first_kept: firstKept ?? null,
        remedy:
          'raise RETENTION_HOURS, or find out why the subscription is so far behind (fleetbridge subscription lag)',
      },
      'subscription_overtaken_by_retention',
    );
  }
}
