// The Prometheus metrics of ingest. Names are those of Tesla's server where the meaning is the same, so that existing
// dashboards keep working; our own begin with fleetbridge_. Counters are read from plain numbers at each scrape.

import type { HandshakeCounts } from '@fleetbridge/access';
import { createMetrics, type Metrics } from '@fleetbridge/service';
import type { Appender } from '@fleetbridge/store';
import { Counter } from 'prom-client';
import type { CertificateWatches } from './certificates/index.js';
import type { ClockWatch } from './clock-watch.js';
import type { Counts, TopicCount } from './counts.js';
import type { ByteBudget, ConnectionRegistry } from './socket/index.js';

export interface IngestMetrics extends Metrics {
  appended(call: { durationMs: number; records: number }): void;
  handshakes(observed: HandshakeCounts): void;
  certificates(watches: Pick<CertificateWatches, 'serverDaysLeft' | 'serverRenewalDays' | 'caDaysLeft'>): void;
}

export const CLOCK_BEHIND = 'fleetbridge_ingest_clock_behind_seconds';

export function createIngestMetrics(
  counts: Counts,
  {
    connections,
    byteBudget,
    appender,
    clock,
  }: {
    connections: Pick<ConnectionRegistry, 'connected' | 'silent' | 'pausedSockets'>;
    byteBudget: Pick<ByteBudget, 'limitedVehicles'> | undefined;
    appender: Pick<Appender, 'unsettledRecords' | 'unsettledBytes'>;
    clock: Pick<ClockWatch, 'behindSeconds'>;
  },
): IngestMetrics {
  const metrics = createMetrics({ app: 'ingest' });
  const { total, level, totalByName } = metrics;
  const byTopic = (what: keyof TopicCount) =>
    Object.fromEntries(Object.entries(counts.topics).map(([topic, count]) => [topic, count[what]]));
  totalByName('record_total', 'Valid records received.', 'record_type', () => byTopic('records'));
  totalByName('record_size_bytes_total', 'Payload bytes of valid records received.', 'record_type', () =>
    byTopic('bytes'),
  );
  total(
    'record_too_big_total',
    'Messages refused because they are larger than 1,000,000 bytes.',
    () => counts.refused.record_too_big ?? 0,
  );
  total(
    'unauthorized_sender_id_total',
    'Records refused because their sender id does not match the certificate.',
    () => counts.refused.unauthorized_sender_id ?? 0,
  );
  totalByName(
    'fleetbridge_ingest_refused_total',
    'Messages that were answered and not stored.',
    'reason',
    () => counts.refused,
  );
  total(
    'fleetbridge_ingest_quarantine_dropped_total',
    'Unreadable messages that were not quarantined because too many came at once.',
    () => counts.quarantineDropped,
  );
  total('fleetbridge_ingest_stored_total', 'Records appended to the log.', () => counts.stored);
  total(
    'fleetbridge_ingest_repeats_total',
    'Records that were already in the log and were acknowledged again.',
    () => counts.repeats,
  );
  total(
    'fleetbridge_ingest_failed_total',
    'Records that Redis rejected; they are not acknowledged.',
    () => counts.failed,
  );
  total(
    'fleetbridge_ingest_lost_total',
    'Failed records that had already been acknowledged (ACK_ON_RECEIVE) and are therefore lost.',
    () => counts.lost,
  );
  total('fleetbridge_ingest_acknowledged_total', 'Records acknowledged.', () => counts.acknowledged);
  total(
    'fleetbridge_ingest_rate_limited_total',
    'How often a socket was paused because its vehicle exceeded RATE_LIMIT_RECORDS.',
    () => counts.rateLimited,
  );
  total(
    'fleetbridge_ingest_byte_limited_total',
    'How often a socket was paused because its vehicle exceeded VEHICLE_BYTES_PER_MINUTE.',
    () => counts.byteLimited,
  );
  level(
    'fleetbridge_ingest_byte_limited_vehicles',
    'Vehicles that were paused by VEHICLE_BYTES_PER_MINUTE within the last minute; the log has their VINs.',
    () => byteBudget?.limitedVehicles ?? 0,
  );
  new Counter({
    name: 'vin_signal_count',
    help: 'Signals received from the vehicles in SIGNAL_COUNT_VINS.',
    labelNames: ['record_type', 'vin'],
    registers: [metrics.registry],
    collect() {
      this.reset();
      for (const [topic, byVin] of Object.entries(counts.vinSignals))
        for (const [vin, signals] of Object.entries(byVin)) this.inc({ record_type: topic, vin }, signals);
    },
  });
  total(
    'fleetbridge_ingest_clock_ahead_total',
    'Records with a vehicle time more than 60 seconds ahead of the server.',
    () => counts.clockAhead,
  );
  total('fleetbridge_ingest_connections_total', 'Vehicle connections opened.', () => counts.connected);
  total(
    'fleetbridge_ingest_replaced_total',
    'Vehicle connections closed because the same VIN connected again.',
    () => counts.replaced,
  );
  totalByName(
    'fleetbridge_ingest_connections_ended_total',
    'Vehicle connections terminated by the server.',
    'reason',
    () => counts.ended,
  );
  totalByName(
    'fleetbridge_ingest_connections_refused_total',
    'Connections refused before the WebSocket upgrade.',
    'reason',
    () => counts.refusedConnections,
  );
  level('fleetbridge_ingest_connected', 'Vehicles currently connected.', () => connections.connected);
  level('fleetbridge_ingest_silent', 'Vehicles that have not answered a ping yet.', () => connections.silent);
  level(
    'fleetbridge_ingest_paused_sockets',
    'Sockets not being read because a limit is reached.',
    () => connections.pausedSockets,
  );
  level(
    'fleetbridge_ingest_unsettled_records',
    'Records not yet acknowledged by Redis.',
    () => appender.unsettledRecords,
  );
  level(
    'fleetbridge_ingest_unsettled_bytes',
    'Bytes of records not yet acknowledged by Redis.',
    () => appender.unsettledBytes,
  );
  metrics.gauge({
    name: CLOCK_BEHIND,
    help: 'Seconds by which the clock of this machine is behind the newest entry of the log.',
    aggregator: 'max',
    collect() {
      this.set(clock.behindSeconds);
    },
  });
  let certificates: Pick<CertificateWatches, 'serverDaysLeft' | 'serverRenewalDays' | 'caDaysLeft'> | undefined;
  const days = (name: string, help: string, read: () => number | undefined) =>
    metrics.gauge({
      name,
      help,
      // the value is the same in every worker, except while one has not reloaded a renewed certificate yet
      aggregator: 'min',
      collect() {
        this.set(read() ?? Number.NaN);
      },
    });
  days('fleetbridge_ingest_certificate_days_left', 'Days until the server certificate expires.', () =>
    certificates?.serverDaysLeft(),
  );
  days(
    'fleetbridge_ingest_certificate_renewal_days',
    'Days before its expiry by which the server certificate should have been renewed.',
    () => certificates?.serverRenewalDays(),
  );
  days('fleetbridge_ingest_ca_days_left', 'Days until the first vehicle CA certificate expires.', () =>
    certificates?.caDaysLeft(),
  );
  let handshakes: HandshakeCounts = { waiting: 0, inProgress: 0 };
  level('fleetbridge_ingest_handshakes', 'TLS handshakes in progress.', () => handshakes.inProgress);
  level(
    'fleetbridge_ingest_handshakes_waiting',
    'Connections that wait for their ClientHello or for a handshake slot.',
    () => handshakes.waiting,
  );
  const seconds = metrics.histogram({
    name: 'fleetbridge_ingest_append_seconds',
    help: 'Seconds from sending an append call to Redis until its reply.',
    buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
  });
  const callRecords = metrics.histogram({
    name: 'fleetbridge_ingest_call_records',
    help: 'Records per append call to Redis.',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256],
  });
  return {
    ...metrics,
    appended: ({ durationMs, records }) => {
      seconds.observe(durationMs / 1000);
      callRecords.observe(records);
    },
    handshakes: (observed) => {
      handshakes = observed;
    },
    certificates: (watches) => {
      certificates = watches;
    },
  };
}
