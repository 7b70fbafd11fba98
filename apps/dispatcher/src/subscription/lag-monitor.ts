// How far behind each subscription is, for the metrics and for retention: what one still needs is not trimmed by number,
// and when the age limit takes it all the same, that is said.
import { compareEntryIds } from '@fleetbridge/protocol';

import type { Logger } from '@fleetbridge/service';
import type { SubscriptionLag, SubscriptionStore } from '@fleetbridge/store';

export interface PartitionLag extends SubscriptionLag {
  subscription: string;
  isPaused: boolean;
}

export interface LagCounts {
  /** By subscription, then partition: those partitions that this process tends. */
  lags: Map<string, Map<number, SubscriptionLag>>;
  /** Those that are paused. */
  paused: ReadonlySet<string>;
  /** By subscription: how often retention took what it had not delivered. */
  overtaken: Record<string, number>;
}

type Store = Pick<SubscriptionStore, 'list' | 'control'>;

/** Of every subscription, in these partitions; those of other partitions are other processes' to tell. */
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
    const own = await Promise.all(partitions.map((partition) => control.lagOf(partition)));
    lags.set(name, new Map(own.map((lag) => [lag.partition, lag])));
    all.push(...own.map((lag) => ({ ...lag, subscription: name, isPaused: paused !== undefined })));
  }
  counts.lags = lags;
  counts.paused = pausedNames;
  return all;
}

/** The entry id from which on everything must stay, for subscriptions that aren't paused; at most `cursor`. */
export function neededFrom(lags: readonly PartitionLag[], partition: number, cursor: string): string {
  const needs = lags.flatMap((lag) => (lag.partition === partition && !lag.isPaused ? (lag.neededFrom ?? []) : []));
  return needs.reduce((first, id) => (compareEntryIds(id, first) < 0 ? id : first), cursor);
}

/** Called after entries went: `firstKept` is the oldest that is left, undefined when none is. */
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
  for (const { subscription, isPaused, firstNew, partition: of } of lags) {
    if (of !== partition || firstNew === undefined) continue;
    if (firstKept !== undefined && compareEntryIds(firstNew, firstKept) >= 0) continue;
    // given to its holder before it went. What is gone of the pending ones, the holder finds out and says.
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
        first_kept: firstKept ?? 'none',
        remedy: 'raise RETENTION_HOURS, or find out why it is so far behind (fleetbridge subscription lag)',
      },
      'subscription_overtaken_by_retention',
    );
  }
}
