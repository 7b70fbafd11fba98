// What the month costs at Tesla's prices, for the metrics: read from Redis every five minutes by the process that keeps the
// first partition, so that one process reports it. Totals only, without VINs.
import { readApiUsage, readFleetSignalDays, type SnapshotStore, type Store } from '@fleetbridge/store';
import { monthCost, prices, type UsageKind, usageKinds } from '@fleetbridge/telemetry-config';

const UPDATE_EVERY_MS = 300_000;

export interface CostCounts {
  /** Of this month, by kind, before the credit. */
  dollars: Partial<Record<UsageKind, number>>;
  /** Of the whole month; so far, before there is a forecast. */
  forecastDollars: number;
  creditDollars: number;
}

export interface CostStatisticsOptions {
  store: Store;
  snapshots: Pick<SnapshotStore, 'vins'>;
  counts: CostCounts;
  now: () => number;
  /** Milliseconds of a clock that can't be set. */
  monotonicNow: () => number;
}

export class CostStatistics {
  readonly #options: CostStatisticsOptions;
  #updatedMs = Number.NEGATIVE_INFINITY;

  constructor(options: CostStatisticsOptions) {
    this.#options = options;
  }

  /** Call it every few seconds with the partitions of this process; updates every five minutes. */
  async update(partitions: readonly number[]): Promise<void> {
    const { store, snapshots, counts, now, monotonicNow } = this.#options;
    if (!partitions.includes(0)) {
      Object.assign(counts, { dollars: {}, forecastDollars: 0 });
      this.#updatedMs = Number.NEGATIVE_INFINITY;
      return;
    }
    if (monotonicNow() - this.#updatedMs < UPDATE_EVERY_MS) return;
    this.#updatedMs = monotonicNow();
    const signals = await readFleetSignalDays(store, await snapshots.vins());
    const calls = await readApiUsage(store);
    const month = monthCost({ signals, calls, nowMs: now(), rate: { ceiling: 0, floor: 0 } });
    counts.dollars = Object.fromEntries(usageKinds.map((kind) => [kind, month.soFar[kind] / prices.perDollar[kind]]));
    counts.forecastDollars = month.dollars.expected ?? month.dollars.soFar;
  }
}
