// Prometheus' view of the streaming server. Counters are plain numbers, read when asked.
import { createMetrics, type Metrics } from '@fleetbridge/service';

export interface StreamingCounts {
  connections: number;
  records: number;
  undecodable: number;
  /** Entries that could not be processed. */
  skippedEntries: number;
  gaps: number;
  frames: number;
  /** Of them, those sent to subscribers that came back. */
  replayedFrames: number;
  /** Times that a subscriber came back for more than is kept. */
  resumeGaps: number;
  droppedSubscribers: number;
  /** That connections hold now. */
  slots: number;
  /** Of the last frame sent: from the record's time to the send. */
  lagMs: number;
  /** Of a record that was told to the subscribers of its vehicle: from receipt to that. Set with the metrics. */
  observeLatency: (seconds: number) => void;
  refusedTokens: number;
  ignoredMessages: number;
  /** Connections that we ended, by reason. */
  ended: Record<string, number>;
  /** Records told to others than TeslaMate, by door: raw, events, grpc. */
  told: Record<string, number>;
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
    ended: {},
    told: {},
    pushes: {},
  };
}

export interface MetricsSources {
  subscribers: () => number;
  /** Refused tokens by reason. */
  refusals: () => Record<string, number | undefined>;
  clientsByDoor: () => Record<string, number>;
  /** Absent without TLS. */
  certificateDaysLeft?: () => number;
}

export function createStreamingMetrics(
  counts: StreamingCounts,
  { subscribers, refusals, clientsByDoor, certificateDaysLeft }: MetricsSources,
): Metrics {
  const metrics = createMetrics({ app: 'streaming' });
  const { total, level, totalByName } = metrics;
  total('fleetbridge_streaming_connections_total', 'Connections accepted.', () => counts.connections);
  total('fleetbridge_streaming_records_total', 'Records read from the log.', () => counts.records);
  total(
    'fleetbridge_streaming_undecodable_total',
    'Records that could not be decoded and were passed over.',
    () => counts.undecodable,
  );
  total(
    'fleetbridge_streaming_skipped_entries_total',
    'Log entries that were skipped because processing them failed (log event entry_skipped).',
    () => counts.skippedEntries,
  );
  total(
    'fleetbridge_streaming_gaps_total',
    'Times that records were trimmed before they were read.',
    () => counts.gaps,
  );
  total('fleetbridge_streaming_frames_total', 'Frames sent.', () => counts.frames);
  total(
    'fleetbridge_streaming_replayed_frames_total',
    'Frames sent to subscribers that came back, of those that they had missed or not confirmed.',
    () => counts.replayedFrames,
  );
  total(
    'fleetbridge_streaming_resume_gaps_total',
    'Times that a subscriber came back for frames that are no longer kept.',
    () => counts.resumeGaps,
  );
  total(
    'fleetbridge_streaming_dropped_subscribers_total',
    'Subscribers that were ended because they did not read.',
    () => counts.droppedSubscribers,
  );
  total(
    'fleetbridge_streaming_refused_tokens_total',
    'Subscribes with a token that is not accepted.',
    () => counts.refusedTokens,
  );
  total(
    'fleetbridge_streaming_ignored_messages_total',
    'Messages of clients that were not understood.',
    () => counts.ignoredMessages,
  );
  totalByName('fleetbridge_streaming_ended_total', 'Connections that the server ended.', 'reason', () => counts.ended);
  level('fleetbridge_streaming_slots', 'Resume positions that connections hold now.', () => counts.slots);
  totalByName('fleetbridge_streaming_auth_failures_total', 'Tokens refused, at any door.', 'reason', refusals);
  totalByName(
    'fleetbridge_streaming_records_told_total',
    'Records told to other clients than TeslaMate.',
    'door',
    () => counts.told,
  );
  totalByName('fleetbridge_streaming_pushes_total', 'Pub/Sub pushes taken in.', 'outcome', () => counts.pushes);
  const clients = metrics.gauge({
    name: 'fleetbridge_streaming_clients',
    help: 'Clients that are being told something, by door.',
    labelNames: ['door'],
    collect() {
      this.reset();
      for (const [door, count] of Object.entries(clientsByDoor())) clients.set({ door }, count);
    },
  });
  level('fleetbridge_streaming_subscribers', 'Connections open now.', subscribers);
  const latency = metrics.histogram({
    name: 'fleetbridge_streaming_latency_seconds',
    help: 'From the receipt of a record to its being told to the subscribers of its vehicle.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
  });
  counts.observeLatency = (seconds) => latency.observe(seconds);
  if (certificateDaysLeft) {
    metrics.gauge({
      name: 'fleetbridge_streaming_certificate_days_left',
      help: 'Days until the server certificate ends.',
      aggregator: 'min',
      collect() {
        this.set(certificateDaysLeft());
      },
    });
  }
  metrics.gauge({
    name: 'fleetbridge_streaming_lag_seconds',
    help: "From a record's time to the send of its frame, of the last one.",
    // of several workers the one that lags most
    aggregator: 'max',
    collect() {
      this.set(counts.lagMs / 1000);
    },
  });
  return metrics;
}
