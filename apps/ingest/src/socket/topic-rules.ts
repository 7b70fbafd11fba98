// What the operator said of single topics. Each set is empty unless configured, which is what the way of a record
// is made for.
import type { IngestConfig } from '../config.js';

export interface TopicRules {
  /** Stored beside the four that we understand, without a look at the payload. */
  extra: ReadonlySet<string>;
  /** Acknowledged before they are stored. */
  ackOnReceive: ReadonlySet<string>;
}

export function topicRules({
  EXTRA_TOPICS,
  ACK_ON_RECEIVE,
}: Pick<IngestConfig, 'EXTRA_TOPICS' | 'ACK_ON_RECEIVE'>): TopicRules {
  return { extra: new Set(EXTRA_TOPICS), ackOnReceive: new Set(ACK_ON_RECEIVE) };
}
