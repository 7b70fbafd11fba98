// Runs the periodic tasks for the partitions of this process (it keeps their snapshots): disconnects of dead processes,
// fleet and cost statistics, subscription lag, retention, log size, Redis memory.
import type { Logger } from '@fleetbridge/service';
import type { SnapshotStore, Store, SubscriptionStore } from '@fleetbridge/store';
import type { SnapshotKeeper } from '../snapshot/index.js';
import { type LagCounts, measureLags } from '../subscription/index.js';
import type { CostStatistics } from './cost-statistics.js';
import type { DeadConnections } from './dead-connections.js';
import type { FleetStatistics } from './fleet-statistics.js';
import { type LogSizes, measureLog } from './log-size.js';
import { MemoryAlarm, type MemoryCounts } from './memory-alarm.js';
import { MemoryRetention } from './memory-retention.js';
import { Retention, type RetentionCounts, type RetentionLimits } from './retention.js';

const RUN_EVERY_MS = 2_000;
/** Retention, log size and memory. */
const RETENTION_EVERY_RUNS = 5;

export interface MaintenanceCounts extends RetentionCounts, MemoryCounts {
  /** By partition of this process. */
  partitions: LogSizes;
  subscriptions: LagCounts;
}

export interface MaintenanceLoopOptions {
  store: Store;
  retention: RetentionLimits;
  /** See MemoryRetentionOptions. */
  memoryPercent: number;
  keepers: readonly Pick<SnapshotKeeper, 'isHolder' | 'partition'>[];
  snapshots: Pick<SnapshotStore, 'cursor'>;
  subscriptions: Pick<SubscriptionStore, 'list' | 'control'>;
  deadConnections: Pick<DeadConnections, 'report'>;
  fleetStatistics: Pick<FleetStatistics, 'update'>;
  costStatistics: Pick<CostStatistics, 'update'>;
  counts: MaintenanceCounts;
  log: Logger;
  now: () => number;
  /** A clock that can't be set and that runs during a suspend of the machine, ms. */
  steady: () => number;
}

export class MaintenanceLoop {
  readonly #options: MaintenanceLoopOptions;
  readonly #memoryAlarm: MemoryAlarm;
  readonly #memoryRetention: MemoryRetention;
  readonly #retention: Retention;
  #timer: NodeJS.Timeout | undefined;
  #runs = 0;
  #running: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: MaintenanceLoopOptions) {
    this.#options = options;
    this.#memoryAlarm = new MemoryAlarm({ redis: options.store.redis, counts: options.counts, log: options.log });
    this.#memoryRetention = new MemoryRetention(options);
    this.#retention = new Retention(options);
  }

  start(): void {
    this.#timer = setTimeout(() => {
      this.#running = this.run().finally(() => {
        if (!this.#isStopped) this.start();
      });
    }, RUN_EVERY_MS);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  /** One run of what `start` repeats. Never rejects. */
  async run(): Promise<void> {
    const { keepers, deadConnections, fleetStatistics, costStatistics, counts, log } = this.#options;
    const held = keepers.filter(({ isHolder }) => isHolder).map(({ partition }) => partition);
    await deadConnections.report(held);
    await fleetStatistics.update(held).catch((err) => log.debug({ err }, 'fleet_statistics_failed'));
    await costStatistics.update(held).catch((err) => log.debug({ err }, 'cost_statistics_failed'));
    try {
      const partitions = await this.#reachable(held);
      const lags = await measureLags(this.#options.subscriptions, partitions, counts.subscriptions);
      if (this.#runs++ % RETENTION_EVERY_RUNS !== 0) return;
      await this.#retention.run(partitions, lags);
      counts.partitions = await measureLog(partitions, this.#options.store);
      await this.#memoryAlarm.check();
      await this.#memoryRetention.run(partitions, lags);
    } catch (err) {
      log.debug({ err }, 'maintenance_failed');
    }
  }

  /** One node of a cluster may be down; the logs on the others must not grow meanwhile. */
  async #reachable(partitions: readonly number[]): Promise<number[]> {
    const { store } = this.#options;
    const answers = await Promise.allSettled(
      partitions.map((partition) => store.redis.exists(store.keys(partition).records)),
    );
    return partitions.filter((_, index) => answers[index]?.status === 'fulfilled');
  }
}
