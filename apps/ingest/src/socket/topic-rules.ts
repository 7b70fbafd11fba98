// What the operator has configured for single topics. The sets are usually empty, and the path of a record is optimized
// for that.
export interface TopicRules {
  /** Topics that are stored besides the four known ones, without reading the payload. */
  extra: ReadonlySet<string>;
  /** Topics that are acknowledged before their records are stored. */
  ackOnReceive: ReadonlySet<string>;
}

export function topicRules({
  EXTRA_TOPICS,
  ACK_ON_RECEIVE,
}: {
  EXTRA_TOPICS: readonly string[];
  ACK_ON_RECEIVE: readonly string[];
}): TopicRules {
  return { extra: new Set(EXTRA_TOPICS), ackOnReceive: new Set(ACK_ON_RECEIVE) };
}
