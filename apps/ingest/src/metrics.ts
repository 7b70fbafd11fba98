// Prometheus' view of ingest. The names of Tesla's server where the meaning is the same, so that dashboards keep
// working; ours begin with fleetbridge_. Counters are read from plain numbers when asked.

import { createMetrics, type Metrics } from '@fleetbridge/service';
import type { Appender } from '@fleetbridge/store';
import { Counter } from 'prom-client';
import type { CertificateWatches } from './certificates/index.js';
import type { Counts, TopicCount } from './counts.js';
import type { HandshakeGuard } from './handshake/index.js';
import type { Fleet } from './socket/index.js';

export interface IngestMetrics extends Metrics {
  appended(call: { durationMs: number; records: number }): void;
  handshakes(observed: Pick<HandshakeGuard, 'waiting' | 'underWay'>): void;
  certificates(watches: Pick<CertificateWatches, 'serverDaysLeft' | 'caDaysLeft'>): void;
}

export function createIngestMetrics(
  counts: Counts,
  { fleet, appender }: { fleet: Fleet; appender: Appender },
): IngestMetrics {
  const metrics = createMetrics({ app: 'ingest' });
  const { total, level, totalByName } = metrics;
  const byTopic = (what: keyof TopicCount) =>
    Object.fromEntries(Object.entries(counts.topics).map(([topic, count]) => [topic, count[what]]));
  totalByName('record_total', 'Records received and understood.', 'record_type', () => byTopic('records'));
  totalByName('record_size_bytes_total', 'Bytes of their payloads.', 'record_type', () => byTopic('bytes'));
  total('record_too_big_total', 'Messages over 1,000,000 bytes.', () => counts.refused.record_too_big ?? 0);
  total(
    'unauthorized_sender_id_total',
    'Records that name another sender than the certificate.',
    () => counts.refused.unauthorized_sender_id ?? 0,
  );
  totalByName('fleetbridge_ingest_refused_total', 'Messages answered and not stored.', 'reason', () => counts.refused);
  total(
    'fleetbridge_ingest_quarantine_dropped_total',
    'Messages that were not kept in quarantine, because too many of them came at once.',
    () => counts.quarantineDropped,
  );
  total('fleetbridge_ingest_stored_total', 'Records appended to the log.', () => counts.stored);
  total('fleetbridge_ingest_repeats_total', 'Records that were in the log before.', () => counts.repeats);
  total('fleetbridge_ingest_failed_total', 'Records that Redis refused; not acknowledged.', () => counts.failed);
  total(
    'fleetbridge_ingest_lost_total',
    'Of these, records of ACK_ON_RECEIVE that were acknowledged before: gone.',
    () => counts.lost,
  );
  total('fleetbridge_ingest_acknowledged_total', 'Records acknowledged.', () => counts.acknowledged);
  total(
    'fleetbridge_ingest_rate_limited_total',
    'Times that a socket was paused because its vehicle had sent more than RATE_LIMIT_RECORDS.',
    () => counts.rateLimited,
  );
  new Counter({
    name: 'vin_signal_count',
    help: 'Signals received from the vehicles of SIGNAL_COUNT_VINS.',
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
    'Records whose clock ran more than 60 s ahead.',
    () => counts.clockAhead,
  );
  total('fleetbridge_ingest_connections_total', 'Vehicle connections opened.', () => counts.connected);
  total(
    'fleetbridge_ingest_replaced_total',
    'Connections replaced by a newer one of the same VIN.',
    () => counts.replaced,
  );
  totalByName(
    'fleetbridge_ingest_connections_ended_total',
    'Connections that the server ended.',
    'reason',
    () => counts.ended,
  );
  totalByName(
    'fleetbridge_ingest_connections_refused_total',
    "Connections refused before they were a vehicle's.",
    'reason',
    () => counts.refusedConnections,
  );
  level('fleetbridge_ingest_connected', 'Vehicles connected now.', () => fleet.connected);
  level('fleetbridge_ingest_silent', 'Vehicles that have not answered a ping yet.', () => fleet.silent);
  level(
    'fleetbridge_ingest_paused_sockets',
    'Sockets that are not read because too much is under way.',
    () => fleet.pausedSockets,
  );
  level('fleetbridge_ingest_unsettled_records', 'Records under way to the log.', () => appender.unsettledRecords);
  level('fleetbridge_ingest_unsettled_bytes', 'Their bytes.', () => appender.unsettledBytes);
  let certificates: Pick<CertificateWatches, 'serverDaysLeft' | 'caDaysLeft'> | undefined;
  const days = (name: string, help: string, read: () => number | undefined) =>
    metrics.gauge({
      name,
      help,
      // the same in every worker; one that has not seen a renewal yet counts
      aggregator: 'min',
      collect() {
        this.set(read() ?? Number.NaN);
      },
    });
  days('fleetbridge_ingest_certificate_days_left', 'Days until the server certificate ends.', () =>
    certificates?.serverDaysLeft(),
  );
  days('fleetbridge_ingest_ca_days_left', 'Days until the next of the vehicle CAs ends.', () =>
    certificates?.caDaysLeft(),
  );
  let handshakes: Pick<HandshakeGuard, 'waiting' | 'underWay'> = { waiting: 0, underWay: 0 };
  level('fleetbridge_ingest_handshakes', 'TLS handshakes under way.', () => handshakes.underWay);
  level(
    'fleetbridge_ingest_handshakes_waiting',
    'Connections that have not sent their hello, or wait for their handshake.',
    () => handshakes.waiting,
  );
  const seconds = metrics.histogram({
    name: 'fleetbridge_ingest_append_seconds',
    help: 'From sending a call to Redis to its answer.',
    buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
  });
  const callRecords = metrics.histogram({
    name: 'fleetbridge_ingest_call_records',
    help: 'Records that travelled in one call.',
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
