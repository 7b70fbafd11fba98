// The dispatcher's metrics for Prometheus.
import { createMetrics, type Metrics } from '@fleetbridge/service';
import { prices } from '@fleetbridge/telemetry-config';
import type { Histogram } from 'prom-client';
import type { CostCounts, FleetCounts, MaintenanceCounts } from './maintenance/index.js';
import type { SnapshotCounts, SnapshotKeeper } from './snapshot/index.js';
import { createDeliveryCounts, type DeliveryCounts } from './subscription/index.js';

export interface DispatcherCounts extends MaintenanceCounts {
  snapshots: SnapshotCounts;
  deadConnections: { reported: number };
  fleet: FleetCounts;
  cost: CostCounts;
  /** By subscription. */
  deliveries: Map<string, DeliveryCounts>;
}

export function createCounts(): DispatcherCounts {
  return {
    snapshots: { records: 0, signals: {}, undecodable: 0, skippedEntries: 0, gaps: 0, commits: 0 },
    deadConnections: { reported: 0 },
    fleet: { connected: 0, quiet: { driving: 0, charging: 0, parked: 0 } },
    cost: { dollars: {}, forecastDollars: 0, creditDollars: prices.monthlyCreditDollars },
    trimmed: 0,
    distrusted: new Map(),
    partitions: new Map(),
    redisUsedBytes: 0,
    redisLimitBytes: 0,
    subscriptions: { lags: new Map(), paused: new Set(), overtaken: {} },
    deliveries: new Map(),
  };
}

export function createDispatcherMetrics(counts: DispatcherCounts, keepers: readonly SnapshotKeeper[]): Metrics {
  const metrics = createMetrics({ app: 'dispatcher' });
  const { total, totalByName, level } = metrics;
  total('fleetbridge_snapshot_records_total', 'Records merged into snapshots.', () => counts.snapshots.records);
  totalByName(
    'fleetbridge_snapshot_signals_total',
    'Signals in V records and alerts in alerts records.',
    'record_type',
    () => counts.snapshots.signals,
  );
  total(
    'fleetbridge_snapshot_undecodable_total',
    'Records skipped because they could not be decoded.',
    () => counts.snapshots.undecodable,
  );
  total(
    'fleetbridge_snapshot_skipped_entries_total',
    'Log entries that were skipped because merging them failed (log event entry_skipped).',
    () => counts.snapshots.skippedEntries,
  );
  total(
    'fleetbridge_snapshot_gaps_total',
    'Times that records were trimmed before they were merged into snapshots.',
    () => counts.snapshots.gaps,
  );
  total(
    'fleetbridge_snapshot_commits_total',
    'Commits of changed readings to snapshots.',
    () => counts.snapshots.commits,
  );
  total(
    'fleetbridge_dead_connections_total',
    'Disconnects reported for ingest processes that died.',
    () => counts.deadConnections.reported,
  );
  total('fleetbridge_trimmed_entries_total', 'Entries removed from the log by retention.', () => counts.trimmed);
  level(
    'fleetbridge_retention_paused',
    'Partitions of this process without removal by age, because the clock is not trusted (log event retention_paused).',
    () => counts.distrusted.size,
  );
  level('fleetbridge_log_partitions', 'Partitions of the log, in all processes.', () => keepers.length);
  level(
    'fleetbridge_snapshot_partitions',
    'Partitions for which this process keeps the snapshots.',
    () => keepers.filter(({ isHolder }) => isHolder).length,
  );
  level(
    'fleetbridge_snapshot_lag_seconds',
    'Longest time in seconds from receipt to merge of the newest record, over partitions.',
    () => Math.max(0, ...keepers.map(({ lagMs }) => lagMs)) / 1000,
  );
  level('fleetbridge_redis_used_bytes', 'Memory used by Redis in bytes.', () => counts.redisUsedBytes);
  level(
    'fleetbridge_redis_limit_bytes',
    'Memory limit of Redis in bytes, 0 without a limit.',
    () => counts.redisLimitBytes,
  );
  addLogMetrics(metrics, counts);
  addFleetMetrics(metrics, counts);
  addCostMetrics(metrics, counts);
  addSubscriptionMetrics(metrics, counts);
  return metrics;
}

/** Returns the counts of a subscription, and creates them for its first worker. */
export function deliveryCounts(counts: DispatcherCounts, metrics: Metrics): (subscription: string) => DeliveryCounts {
  const latency = deliveryLatency(metrics);
  return (subscription) => {
    let own = counts.deliveries.get(subscription);
    if (own === undefined) {
      own = createDeliveryCounts((seconds) => latency.observe({ subscription }, seconds));
      counts.deliveries.set(subscription, own);
    }
    return own;
  };
}

function addLogMetrics({ gauge }: Metrics, counts: DispatcherCounts): void {
  const levelByPartition = (name: string, help: string, what: 'entries' | 'quarantined') =>
    gauge<'partition'>({
      name,
      help,
      labelNames: ['partition'],
      collect() {
        this.reset();
        for (const [partition, size] of counts.partitions) this.set({ partition }, size[what]);
      },
    });
  levelByPartition('fleetbridge_log_entries', 'Entries in the log, by partition of this process.', 'entries');
  levelByPartition(
    'fleetbridge_quarantine_entries',
    'Messages in quarantine, at most about a thousand per partition.',
    'quarantined',
  );
}

function addFleetMetrics({ gauge, level }: Metrics, { fleet }: DispatcherCounts): void {
  level(
    'fleetbridge_vehicles_connected',
    'Connected vehicles in the partitions of this process.',
    () => fleet.connected,
  );
  gauge<'doing'>({
    name: 'fleetbridge_vehicles_quiet',
    help: 'Connected vehicles without a record for five minutes, by what they were doing at their last record.',
    labelNames: ['doing'],
    collect() {
      for (const [doing, vehicles] of Object.entries(fleet.quiet)) this.set({ doing }, vehicles);
    },
  });
}

function addCostMetrics({ gauge, level }: Metrics, { cost }: DispatcherCounts): void {
  gauge<'kind'>({
    name: 'fleetbridge_cost_month_dollars',
    help: "Cost of this month (UTC) so far at Tesla's prices, before the credit: signals, requests, commands, wakes.",
    labelNames: ['kind'],
    collect() {
      this.reset();
      for (const [kind, dollars] of Object.entries(cost.dollars)) this.set({ kind }, dollars);
    },
  });
  level(
    'fleetbridge_cost_forecast_dollars',
    'Forecast of the cost of the whole month, before the credit; 0 in processes without the first partition.',
    () => cost.forecastDollars,
  );
  level('fleetbridge_cost_credit_dollars', "Tesla's credit per month.", () => cost.creditDollars);
}

const deliveryTotals: [
  name: keyof Omit<DeliveryCounts, 'observeLatency' | 'suspended'>,
  metric: string,
  help: string,
][] = [
  ['delivered', 'delivered_total', 'Records delivered, repeats included.'],
  ['retried', 'retried_total', 'Sends of records that were sent before without success.'],
  ['rejected', 'rejected_total', 'Rejections of records by the endpoint.'],
  ['deadLettered', 'dead_lettered_total', 'Records that became dead letters.'],
  ['redelivered', 'redelivered_total', 'Dead letters that were delivered later.'],
  ['passedOver', 'passed_over_total', 'Records that the filter of the subscription excludes.'],
  ['lost', 'lost_total', 'Records that retention removed while they were pending.'],
];

function addSubscriptionMetrics({ totalByName, gauge }: Metrics, counts: DispatcherCounts): void {
  const prefix = 'fleetbridge_subscription_';
  for (const [name, metric, help] of deliveryTotals) {
    totalByName(prefix + metric, help, 'subscription', () =>
      Object.fromEntries([...counts.deliveries].map(([subscription, own]) => [subscription, own[name]])),
    );
  }
  totalByName(
    `${prefix}overtaken_total`,
    'Times that retention removed undelivered records.',
    'subscription',
    // starts at zero, otherwise Prometheus misses the first increase
    () =>
      Object.fromEntries(
        [...counts.subscriptions.lags.keys()].map((name) => [name, counts.subscriptions.overtaken[name] ?? 0]),
      ),
  );
  const levelBySubscription = (name: string, help: string, read: () => Iterable<[string, number]>) =>
    gauge<'subscription'>({
      name: prefix + name,
      help,
      labelNames: ['subscription'],
      collect() {
        this.reset();
        for (const [subscription, value] of read()) this.set({ subscription }, value);
      },
    });
  const { subscriptions, deliveries } = counts;
  levelBySubscription('suspended', 'Partitions suspended because the endpoint is away.', () =>
    [...deliveries].map(([name, { suspended }]) => [name, suspended]),
  );
  levelBySubscription('paused', '1 while the subscription is paused, else 0.', () =>
    [...subscriptions.lags.keys()].map((name) => [name, Number(subscriptions.paused.has(name))]),
  );
  levelBySubscription('lag_records', 'Entries not acknowledged, in the partitions of this process.', () =>
    [...subscriptions.lags].map(([name, lags]) => [
      name,
      [...lags.values()].reduce((sum, lag) => sum + lag.records, 0),
    ]),
  );
  levelBySubscription('lag_seconds', 'Age of the oldest entry not acknowledged in seconds.', () =>
    [...subscriptions.lags].map(([name, lags]) => [
      name,
      Math.max(0, ...[...lags.values()].map(({ ageMs }) => ageMs ?? 0)) / 1000,
    ]),
  );
  levelBySubscription('dead_letters', 'Dead letters in the partitions of this process.', () =>
    [...subscriptions.lags].map(([name, lags]) => [
      name,
      [...lags.values()].reduce((sum, { deadLetters }) => sum + deadLetters, 0),
    ]),
  );
}

function deliveryLatency({ histogram }: Metrics): Histogram<'subscription'> {
  return histogram<'subscription'>({
    name: 'fleetbridge_subscription_latency_seconds',
    help: 'Time in seconds from receipt to delivery of a record.',
    labelNames: ['subscription'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600],
  });
}
