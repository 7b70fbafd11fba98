// The Prometheus metrics of the streaming server. Counters are plain numbers that are read at each scrape.
import { createMetrics, type Metrics } from '@fleetbridge/service';

export interface StreamingCounts {
  connections: number;
  records: number;
  undecodable: number;
  /** Entries that could not be processed. */
  skippedEntries: number;
  gaps: number;
  frames: number;
  /** Frames of `frames` that were replayed to subscribers that reconnected. */
  replayedFrames: number;
  /** Resumes with frames that are no longer kept. */
  resumeGaps: number;
  droppedSubscribers: number;
  /** Slots that connections hold. */
  slots: number;
  /** From the time of a record to the send of its frame, for the last frame. */
  lagMs: number;
  /** From the receipt of a record to its delivery to subscribers. Set with the metrics. */
  observeLatency: (seconds: number) => void;
  refusedTokens: number;
  ignoredMessages: number;
  /** Connections that were refused before they had shown a right token, by reason. */
  refusedConnections: Record<string, number>;
  /** Connections that the server ended, by reason. */
  ended: Record<string, number>;
  /** Records sent to clients other than TeslaMate, by kind of client: raw, events, grpc. */
  sentRecords: Record<string, number>;
  /** Records that could not be converted for a client. */
  skippedRecords: number;
  /** Pub/Sub pushes by outcome. */
  pushes: Record<string, number>;
}

export function createCounts(): StreamingCounts {
  return {
    connections: 0,
    records: 0,
    undecodable: 0,
    skippedEntries: 0,
    gaps: 0,
    frames: 0,
    replayedFrames: 0,
    resumeGaps: 0,
    droppedSubscribers: 0,
    slots: 0,
    lagMs: 0,
    observeLatency: () => {},
    refusedTokens: 0,
    ignoredMessages: 0,
    refusedConnections: {},
    ended: {},
    sentRecords: {},
    skippedRecords: 0,
    pushes: {},
  };
}

export interface MetricsSources {
  subscribers: () => number;
  /** Rejected tokens by reason. */
  refusals: () => Record<string, number | undefined>;
  clientsByKind: () => Record<string, number>;
  /** Absent without TLS. */
  certificateDaysLeft?: () => number;
  certificateRenewalDays?: () => number;
}

export function createStreamingMetrics(
  counts: StreamingCounts,
  { subscribers, refusals, clientsByKind, certificateDaysLeft, certificateRenewalDays }: MetricsSources,
): Metrics {
  const metrics = createMetrics({ app: 'streaming' });
  const { total, level, totalByName } = metrics;
  total('fleetbridge_streaming_connections_total', 'WebSocket connections accepted.', () => counts.connections);
  total('fleetbridge_streaming_records_total', 'Records read from the log.', () => counts.records);
  total(
    'fleetbridge_streaming_undecodable_total',
    'Records that could not be decoded and were skipped.',
    () => counts.undecodable,
  );
  total(
    'fleetbridge_streaming_skipped_entries_total',
    'Log entries that were skipped because processing them failed (log event entry_skipped).',
    () => counts.skippedEntries,
  );
  total(
    'fleetbridge_streaming_gaps_total',
    'Number of times that records were trimmed before they were read.',
    () => counts.gaps,
  );
  total('fleetbridge_streaming_frames_total', 'Frames sent to TeslaMate-like clients.', () => counts.frames);
  total(
    'fleetbridge_streaming_replayed_frames_total',
    'Frames replayed to subscribers that reconnected, because they had missed or not confirmed them.',
    () => counts.replayedFrames,
  );
  total(
    'fleetbridge_streaming_resume_gaps_total',
    'Number of times that a subscriber reconnected for frames that are no longer kept.',
    () => counts.resumeGaps,
  );
  total(
    'fleetbridge_streaming_dropped_subscribers_total',
    'Subscribers that were disconnected because they did not read.',
    () => counts.droppedSubscribers,
  );
  total(
    'fleetbridge_streaming_refused_tokens_total',
    'Subscribe messages with a token that is not accepted.',
    () => counts.refusedTokens,
  );
  total(
    'fleetbridge_streaming_ignored_messages_total',
    'Messages of clients that were ignored as invalid or unknown.',
    () => counts.ignoredMessages,
  );
  totalByName(
    'fleetbridge_streaming_ended_total',
    'Connections that the server ended, by reason.',
    'reason',
    () => counts.ended,
  );
  totalByName(
    'fleetbridge_streaming_connections_refused_total',
    'Connections refused or ended before they had shown a right token, by reason.',
    'reason',
    () => counts.refusedConnections,
  );
  level('fleetbridge_streaming_slots', 'Resume positions that connections hold.', () => counts.slots);
  totalByName(
    'fleetbridge_streaming_auth_failures_total',
    'Tokens rejected with any protocol, by reason.',
    'reason',
    refusals,
  );
  totalByName(
    'fleetbridge_streaming_records_told_total',
    'Records sent to clients other than TeslaMate, by kind of client.',
    'door',
    () => counts.sentRecords,
  );
  total(
    'fleetbridge_streaming_skipped_records_total',
    'Records that could not be converted for a client and were skipped.',
    () => counts.skippedRecords,
  );
  totalByName('fleetbridge_streaming_pushes_total', 'Pub/Sub pushes, by outcome.', 'outcome', () => counts.pushes);
  const clients = metrics.gauge({
    name: 'fleetbridge_streaming_clients',
    help: 'Connected clients, by kind of client.',
    labelNames: ['door'],
    collect() {
      this.reset();
      for (const [kind, count] of Object.entries(clientsByKind())) clients.set({ door: kind }, count);
    },
  });
  level('fleetbridge_streaming_subscribers', 'Open WebSocket connections.', subscribers);
  const latency = metrics.histogram({
    name: 'fleetbridge_streaming_latency_seconds',
    help: 'Seconds from the receipt of a record to its delivery to the subscribers of its vehicle.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
  });
  counts.observeLatency = (seconds) => latency.observe(seconds);
  const days = (name: string, help: string, read: (() => number) | undefined) => {
    if (read === undefined) return;
    metrics.gauge({
      name,
      help,
      aggregator: 'min',
      collect() {
        this.set(read());
      },
    });
  };
  days(
    'fleetbridge_streaming_certificate_days_left',
    'Days until the server certificate expires.',
    certificateDaysLeft,
  );
  days(
    'fleetbridge_streaming_certificate_renewal_days',
    'Days before its expiry by which the server certificate should have been renewed.',
    certificateRenewalDays,
  );
  metrics.gauge({
    name: 'fleetbridge_streaming_lag_seconds',
    help: 'Seconds from the time of a record to the send of its frame, for the last frame.',
    // of several workers the one with the largest lag
    aggregator: 'max',
    collect() {
      this.set(counts.lagMs / 1000);
    },
  });
  return metrics;
}
