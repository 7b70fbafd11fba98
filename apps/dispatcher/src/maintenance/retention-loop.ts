// What has to be looked after now and then: connections of dead processes, vehicles that have fallen quiet, how far behind
// subscriptions are, entries that are too old, how much the log holds, Redis' memory.

import type { Logger } from '@fleetbridge/service';
import { memoryUse, type SnapshotStore, type Store, type SubscriptionStore, trimPartition } from '@fleetbridge/store';
import type { SnapshotKeeper } from '../snapshot/index.js';
import { type LagCounts, logOvertaken, measureLags, neededFrom, type PartitionLag } from '../subscription/index.js';
import type { DeadConnections } from './dead-connections.js';
import type { FleetStatistics } from './fleet-statistics.js';

const LOOK_EVERY_MS = 2_000;
const TRIM_EVERY_LOOKS = 5;
const MEMORY_ALARM_SHARE = 0.7;

export interface RetentionCounts {
  /** Entries that retention removed. */
  trimmed: number;
  /** By partition that this process holds: how many entries its streams have. */
  partitions: Map<number, { entries: number; quarantined: number }>;
  redisUsedBytes: number;
  redisLimitBytes: number;
  subscriptions: LagCounts;
}

export interface RetentionLoopOptions {
  store: Store;
  retention: { hours: number; entries: number };
  keepers: readonly Pick<SnapshotKeeper, 'isHolder' | 'partition'>[];
  snapshots: Pick<SnapshotStore, 'cursor'>;
  subscriptions: Pick<SubscriptionStore, 'list' | 'control'>;
  deadConnections: DeadConnections;
  fleet: Pick<FleetStatistics, 'look'>;
  counts: RetentionCounts;
  log: Logger;
  now: () => number;
}

export class RetentionLoop {
  readonly #options: RetentionLoopOptions;
  #timer: NodeJS.Timeout | undefined;
  #looks = 0;
  #isAlarmed = false;
  #working: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: RetentionLoopOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setTimeout(() => {
      this.#working = this.look().finally(() => {
        if (!this.#isStopped) this.start();
      });
    }, LOOK_EVERY_MS);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#working;
  }

  /** Once: what `start` does again and again. */
  async look(): Promise<void> {
    const { keepers, deadConnections, fleet, subscriptions, counts, log } = this.#options;
    const held = keepers.filter(({ isHolder }) => isHolder).map(({ partition }) => partition);
    await deadConnections.look(held);
    await fleet.look(held).catch((err) => log.debug({ err }, 'fleet_not_looked_at'));
    try {
      const reached = await this.#reached(held);
      const lags = await measureLags(subscriptions, reached, counts.subscriptions);
      if (this.#looks++ % TRIM_EVERY_LOOKS !== 0) return;
      for (const partition of reached) await this.#trim(partition, lags);
      await this.#measureLog(reached);
      await this.#checkMemory();
    } catch (err) {
      log.debug({ err }, 'upkeep_failed');
    }
  }

  /** The nodes of a cluster are away one at a time: meanwhile the others must not become full. */
  async #reached(partitions: readonly number[]): Promise<number[]> {
    const { store } = this.#options;
    const answers = await Promise.allSettled(
      partitions.map((partition) => store.redis.exists(store.keys(partition).records)),
    );
    return partitions.filter((_, at) => answers[at]?.status === 'fulfilled');
  }

  async #trim(partition: number, lags: readonly PartitionLag[]): Promise<void> {
    const { store, retention, snapshots, subscriptions, counts, log, now } = this.#options;
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

  async #measureLog(held: readonly number[]): Promise<void> {
    const { store, counts } = this.#options;
    const { redis } = store;
    const sizes = await Promise.all(
      held.map(async (partition) => {
        const { records, quarantine } = store.keys(partition);
        return [partition, { entries: await redis.xlen(records), quarantined: await redis.xlen(quarantine) }] as const;
      }),
    );
    counts.partitions = new Map(sizes);
  }

  async #checkMemory(): Promise<void> {
    const { store, counts, log } = this.#options;
    const { usedBytes, limitBytes } = await memoryUse(store.redis);
    counts.redisUsedBytes = usedBytes;
    counts.redisLimitBytes = limitBytes;
    const isAlarming = limitBytes > 0 && usedBytes > limitBytes * MEMORY_ALARM_SHARE;
    if (isAlarming && !this.#isAlarmed) {
      log.error(
        {
          used_bytes: usedBytes,
          limit_bytes: limitBytes,
          remedy: "raise Redis' maxmemory or lower RETENTION_HOURS; when it is full, vehicles get no acks",
        },
        'redis_memory_nearly_full',
      );
    }
    this.#isAlarmed = isAlarming;
  }
}
