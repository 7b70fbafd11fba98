// The counters of ingest: plain numbers, because they change with every record. metrics.ts reads them at each scrape.

export interface Counts {
  topics: Record<string, TopicCount>;
  stored: number;
  repeats: number;
  failed: number;
  /** Failed records that had already been acknowledged (ACK_ON_RECEIVE) and are therefore lost. */
  lost: number;
  acknowledged: number;
  clockAhead: number;
  /** Messages that were answered and not stored, by reason. */
  refused: Record<string, number>;
  /** Connections that were refused before the upgrade, by reason. */
  refusedConnections: Record<string, number>;
  /** Vehicle connections that the server terminated, by reason. */
  ended: Record<string, number>;
  /** Unreadable messages that were not kept either, because too many came at once. */
  quarantineDropped: number;
  /** How often a socket was paused by the rate limit. */
  rateLimited: number;
  /** How often a socket was paused by the byte budget. */
  byteLimited: number;
  /** Signals by topic and VIN, for SIGNAL_COUNT_VINS. */
  vinSignals: Record<string, Record<string, number>>;
  connected: number;
  replaced: number;
}

/** Valid records and the bytes of their payloads. */
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
    byteLimited: 0,
    vinSignals: {},
    connected: 0,
    replaced: 0,
  };
}

/** Adds to the counter of that name. */
export function countOne(counters: Record<string, number | undefined>, name: string, by = 1): void {
  counters[name] = (counters[name] ?? 0) + by;
}

export function topicCount({ topics }: Counts, topic: string): TopicCount {
  topics[topic] ??= { records: 0, bytes: 0 };
  return topics[topic];
}
