// Prometheus' view of the streaming server. Counters are plain numbers, read when asked.
import { createMetrics, type Metrics } from '@fleetbridge/service';

export interface StreamingCounts {
  connections: number;
  records: number;
  undecodable: number;
  gaps: number;
  frames: number;
  /** Of the last frame sent: from the record's time to the send. */
  lagMs: number;
  refusedTokens: number;
  ignoredMessages: number;
  /** Connections that we ended, by reason. */
  ended: Record<string, number>;
}

export function createCounts(): StreamingCounts {
  return {
    connections: 0,
    records: 0,
    undecodable: 0,
    gaps: 0,
    frames: 0,
    lagMs: 0,
    refusedTokens: 0,
    ignoredMessages: 0,
    ended: {},
  };
}

export function createStreamingMetrics(counts: StreamingCounts, subscribers: () => number): Metrics {
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
    'fleetbridge_streaming_gaps_total',
    'Times that records were trimmed before they were read.',
    () => counts.gaps,
  );
  total('fleetbridge_streaming_frames_total', 'Frames sent.', () => counts.frames);
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
  level('fleetbridge_streaming_subscribers', 'Connections open now.', subscribers);
  level(
    'fleetbridge_streaming_lag_seconds',
    "From a record's time to the send of its frame, of the last one.",
    () => counts.lagMs / 1000,
  );
  return metrics;
}
