// What ingest counts. Plain numbers, since they change with every record; metrics.ts reads them when Prometheus asks.
export interface Counts {
  topics: Record<string, TopicCount>;
  stored: number;
  repeats: number;
  failed: number;
  /** Of these, acknowledged on receipt: gone. */
  lost: number;
  acknowledged: number;
  clockAhead: number;
  /** Answered and not stored, by reason. */
  refused: Record<string, number>;
  /** Connections that didn't become a vehicle's, by reason. */
  refusedConnections: Record<string, number>;
  /** Connections that we ended, by reason. */
  ended: Record<string, number>;
  /** Not understood, and not kept either: too many at once. */
  quarantineDropped: number;
  /** Times that a socket was paused because its vehicle had sent more than it may. */
  rateLimited: number;
  /** Signals by topic and VIN, for VINs that are counted one by one. */
  vinSignals: Record<string, Record<string, number>>;
  connected: number;
  replaced: number;
}

/** Records that were received and understood, and the bytes of their payloads. */
export interface TopicCount {
  records: number;
  bytes: number;
}

export function createCounts(): Counts {
  return {
    topics: {},
    stored: 0,
    repeats: 0,
    failed: 0,
    lost: 0,
    acknowledged: 0,
    clockAhead: 0,
    refused: {},
    refusedConnections: {},
    ended: {},
    quarantineDropped: 0,
    rateLimited: 0,
    vinSignals: {},
    connected: 0,
    replaced: 0,
  };
}

/** Adds one to a counter that is kept by name. */
export function countOne(counters: Record<string, number | undefined>, name: string, by = 1): void {
  counters[name] = (counters[name] ?? 0) + by;
}

export function topicCount({ topics }: Counts, topic: string): TopicCount {
  topics[topic] ??= { records: 0, bytes: 0 };
  return topics[topic];
}
