// Prometheus' view of the dispatcher.
import { createMetrics, type Metrics } from '@fleetbridge/service';
import type { SnapshotCounts, SnapshotKeeper } from './snapshot-keeper.js';

export interface DispatcherCounts {
  snapshots: SnapshotCounts;
  deadConnections: { reported: number };
  trimmed: number;
  redisUsedBytes: number;
  redisLimitBytes: number;
}

export function createCounts(): DispatcherCounts {
  return {
    snapshots: { records: 0, undecodable: 0, gaps: 0, commits: 0 },
    deadConnections: { reported: 0 },
    trimmed: 0,
    redisUsedBytes: 0,
    redisLimitBytes: 0,
  };
}

export function createDispatcherMetrics(counts: DispatcherCounts, keepers: readonly SnapshotKeeper[]): Metrics {
  const metrics = createMetrics({ app: 'dispatcher' });
  const { total, level } = metrics;
  total('fleetbridge_snapshot_records_total', 'Records merged into snapshots.', () => counts.snapshots.records);
  total(
    'fleetbridge_snapshot_undecodable_total',
    'Records that could not be decoded and were passed over.',
    () => counts.snapshots.undecodable,
  );
  total(
    'fleetbridge_snapshot_gaps_total',
    'Times that records were trimmed before they were merged.',
    () => counts.snapshots.gaps,
  );
  total('fleetbridge_snapshot_commits_total', 'Writes of changed readings.', () => counts.snapshots.commits);
  total(
    'fleetbridge_dead_connections_total',
    'Disconnects reported for processes that died.',
    () => counts.deadConnections.reported,
  );
  total('fleetbridge_trimmed_entries_total', 'Entries that left the log.', () => counts.trimmed);
  level(
    'fleetbridge_snapshot_partitions',
    'Partitions whose snapshots this process keeps.',
    () => keepers.filter(({ isHolder }) => isHolder).length,
  );
  level(
    'fleetbridge_snapshot_lag_seconds',
    'Longest time from receipt to merge, of the newest records.',
    () => Math.max(0, ...keepers.map(({ lagMs }) => lagMs)) / 1000,
  );
  level('fleetbridge_redis_used_bytes', "Redis' memory in use.", () => counts.redisUsedBytes);
  level('fleetbridge_redis_limit_bytes', 'Its limit, 0 = none.', () => counts.redisLimitBytes);
  return metrics;
}
