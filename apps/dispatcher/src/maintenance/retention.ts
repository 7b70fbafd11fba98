// Trims the logs of the partitions, and reports which subscriptions lost entries by it. While the clock of Redis can't be
// trusted, no entry is removed for its age.
import type { Logger } from '@fleetbridge/service';
import {
  logClock,
  type SnapshotStore,
  type Store,
  type SubscriptionStore,
  storeRetentionPass,
  trimPartition,
} from '@fleetbridge/store';
import { type LagCounts, logOvertaken, neededFrom, type PartitionLag } from '../subscription/index.js';
import {
  type ClockFault,
  type ClockHistory,
  type ClockReading,
  judgeClock,
  STORE_PASS_EVERY_MS,
} from './retention-clock.js';

export interface RetentionLimits {
  /** Older entries are removed, delivered or not. */
  hours: number;
  /** Above this number, entries that the snapshot and every active subscription have are removed. */
  entries: number;
}

export interface RetentionCounts {
  /** Entries removed. */
  trimmed: number;
  /** Partitions of this process without removal by age, because their clock is not trusted. */
  distrusted: Map<number, ClockFault>;
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
  /** A clock that can't be set and that runs during a suspend of the machine, ms. */
  steady: () => number;
}

const REMEDIES: Record<ClockFault, string> = {
  clocks_differ: 'set the clocks of the machines of Redis and the dispatcher, for example with NTP',
  log_ahead: 'set the clock of the machine of Redis; if it is right, wait until it has passed the newest entry',
  clock_jumped: 'check the clock of the machine of Redis; if it is right, do nothing',
};

export class Retention {
  readonly #options: RetentionOptions;
  readonly #histories = new Map<number, ClockHistory>();

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  /** One pass over the partitions of this process. */
  async run(partitions: readonly number[], lags: readonly PartitionLag[]): Promise<void> {
    const { distrusted } = this.#options.counts;
    for (const partition of distrusted.keys()) if (!partitions.includes(partition)) distrusted.delete(partition);
    for (const partition of partitions) await this.#trim(partition, lags);
  }

  async #trim(partition: number, lags: readonly PartitionLag[]): Promise<void> {
    const { store, retention, snapshots, subscriptions, counts, log } = this.#options;
    const reading = await this.#readClocks(partition);
    const { fault, history } = judgeClock(reading, this.#histories.get(partition), retention.hours);
    this.#histories.set(partition, history);
    this.#report(partition, fault, reading);
    const deliveredUpTo = neededFrom(lags, partition, await snapshots.cursor(partition));
    const redisMs = fault === undefined ? reading.redisMs : undefined;
    const trimmed = await trimPartition(store, { partition, redisMs, deliveredUpTo, ...retention });
    counts.trimmed += trimmed;
    if (redisMs !== undefined && Math.abs(redisMs - (reading.lastPassMs ?? 0)) >= STORE_PASS_EVERY_MS) {
      // fails while the memory of Redis is full
      await storeRetentionPass(store, partition, redisMs).catch((err) => log.debug({ err }, 'maintenance_failed'));
    }
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

  async #readClocks(partition: number): Promise<ClockReading> {
    const { store, now, steady } = this.#options;
    const read = () => ({ wallMs: now(), steadyMs: steady() });
    const before = read();
    const clock = await logClock(store, partition);
    return { ...clock, before, after: read() };
  }

  /** Logs once per fault. */
  #report(partition: number, fault: ClockFault | undefined, { redisMs, newestMs, after }: ClockReading): void {
    const { log, counts } = this.#options;
    const known = counts.distrusted.get(partition);
    if (fault === known) return;
    if (fault === undefined) {
      counts.distrusted.delete(partition);
      log.info({ partition }, 'retention_resumed');
      return;
    }
    counts.distrusted.set(partition, fault);
    const facts = { redis_time: isoOf(redisMs), own_time: isoOf(after.wallMs), newest_entry: isoOf(newestMs) };
    log.warn({ partition, reason: fault, ...facts, remedy: REMEDIES[fault] }, 'retention_paused');
  }
}

/** A time that is out of the range of dates stays a number. */
function isoOf(ms: number): string {
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : String(ms);
}
