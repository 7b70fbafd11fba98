// The Prometheus metrics of the gateway.
import type { CountedCall } from '@fleetbridge/fleet-api';
import { createMetrics, type Metrics } from '@fleetbridge/service';
import type { FeedCounts } from '@fleetbridge/vehicle-feed';

export interface GatewayCounts extends FeedCounts {
  /** Connections that the guard ended, by reason. */
  refusedConnections: Record<string, number>;
  /** Counts an answered request. */
  observe: (route: string, status: number, seconds: number) => void;
  /** Counts a vehicle command. */
  observeCommand: (command: string, outcome: string) => void;
  /** Counts a call to Tesla for a command or a wake. */
  observeCall: (kind: 'command' | 'wake') => void;
  /** Counts an attempt to call Tesla, those for commands included. */
  observeTeslaCall: (call: CountedCall) => void;
  /** Counts a request that was, or was to be, forwarded to Tesla. */
  observeUpstream: (outcome: string) => void;
}

export function createCounts(): GatewayCounts {
  return {
    records: 0,
    undecodable: 0,
    skippedEntries: 0,
    gaps: 0,
    refusedConnections: {},
    observe: () => {},
    observeCommand: () => {},
    observeCall: () => {},
    observeTeslaCall: () => {},
    observeUpstream: () => {},
  };
}

export interface MetricsSources {
  /** Rejected tokens by reason. */
  refusals: () => Record<string, number | undefined>;
  /** Absent without TLS. */
  certificateDaysLeft?: () => number;
  certificateRenewalDays?: () => number;
}

export function createGatewayMetrics(
  counts: GatewayCounts,
  { refusals, certificateDaysLeft, certificateRenewalDays }: MetricsSources,
): Metrics {
  const metrics = createMetrics({ app: 'gateway' });
  const { total, level, totalByName } = metrics;
  const requests = metrics.counter({
    name: 'fleetbridge_gateway_requests_total',
    help: 'Requests by route and status.',
    labelNames: ['route', 'status'],
  });
  const duration = metrics.histogram({
    name: 'fleetbridge_gateway_request_seconds',
    help: 'Seconds from the receipt of a request to its answer.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
  });
  counts.observe = (route, status, seconds) => {
    requests.inc({ route, status: String(status) });
    duration.observe(seconds);
  };
  measureCommands(metrics, counts);
  const forwarded = metrics.counter({
    name: 'fleetbridge_gateway_upstream_requests_total',
    help: 'Requests forwarded to Tesla, by outcome: answered, or the problem (docs/gateway.md).',
    labelNames: ['outcome'],
  });
  counts.observeUpstream = (outcome) => forwarded.inc({ outcome });
  const teslaCalls = metrics.counter({
    name: 'fleetbridge_gateway_tesla_calls_total',
    help: 'Attempts to call Tesla by endpoint and status, or no_answer, and whether Tesla bills them.',
    labelNames: ['endpoint', 'status', 'billed'],
  });
  counts.observeTeslaCall = ({ endpoint, status, isBillable }) =>
    teslaCalls.inc({
      endpoint,
      status: status === undefined ? 'no_answer' : String(status),
      billed: String(isBillable),
    });
  total('fleetbridge_gateway_records_total', 'Records read from the log.', () => counts.records);
  total(
    'fleetbridge_gateway_undecodable_total',
    'Records that could not be decoded and were skipped.',
    () => counts.undecodable,
  );
  total(
    'fleetbridge_gateway_skipped_entries_total',
    'Log entries that were skipped because processing them failed (log event entry_skipped).',
    () => counts.skippedEntries,
  );
  total(
    'fleetbridge_gateway_gaps_total',
    'Number of times that records were trimmed before they were read.',
    () => counts.gaps,
  );
  totalByName(
    'fleetbridge_gateway_connections_refused_total',
    'Connections that were ended before their client had shown a right token, by reason.',
    'reason',
    () => counts.refusedConnections,
  );
  totalByName('fleetbridge_gateway_auth_failures_total', 'Rejected tokens, by reason.', 'reason', refusals);
  if (certificateDaysLeft) {
    level(
      'fleetbridge_gateway_certificate_days_left',
      'Days until the server certificate expires.',
      certificateDaysLeft,
    );
  }
  if (certificateRenewalDays) {
    level(
      'fleetbridge_gateway_certificate_renewal_days',
      'Days before its expiry by which the server certificate should have been renewed.',
      certificateRenewalDays,
    );
  }
  return metrics;
}

function measureCommands(metrics: Metrics, counts: GatewayCounts): void {
  const commands = metrics.counter({
    name: 'fleetbridge_gateway_commands_total',
    help: 'Vehicle commands by name and outcome (docs/commands.md).',
    labelNames: ['command', 'outcome'],
  });
  const calls = metrics.counter({
    name: 'fleetbridge_gateway_command_calls_total',
    help: 'Calls to Tesla for vehicle commands, handshakes included, and for wakes.',
    labelNames: ['kind'],
  });
  for (const kind of ['command', 'wake']) calls.inc({ kind }, 0);
  counts.observeCommand = (command, outcome) => commands.inc({ command, outcome });
  counts.observeCall = (kind) => calls.inc({ kind });
}
