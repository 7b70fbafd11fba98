// The only place that spells a Redis key. Every key of a partition carries `{n}`, so that all of them share a slot
// and scripts stay atomic on a Cluster.

export interface Layout {
  namespace: string;
  partitions: number;
}

/** Written at the first start: how many partitions there are, and the schema's version. */
export function layoutKey(namespace: string): string {
  return `${namespace}:layout`;
}

/** Tokens of the streaming server, by hash. Not of a partition: a token can be good for all vehicles. */
export function tokensKey(namespace: string): string {
  return `${namespace}:tokens`;
}

/** Hash subscription → its definition. */
export function subscriptionsKey(namespace: string): string {
  return `${namespace}:subscriptions`;
}

/** Hash subscription → what a dispatcher made of its definition: `ok`, or its mistakes. */
export function subscriptionVerdictsKey(namespace: string): string {
  return `${namespace}:subscription-verdicts`;
}

/** Sorted set of the dispatchers that live, by the time until which they are known to. */
export function dispatchersKey(namespace: string): string {
  return `${namespace}:dispatchers`;
}

/** Hash VIN → `allow` or `deny`, and the version of the whole. Not of a partition: it is read at once. */
export function admissionKey(namespace: string): string {
  return `${namespace}:admission`;
}

/** Pattern of the channel `replaced` of all partitions. */
export function replacedPattern(namespace: string): string {
  return `${namespace}:{*}:presence:replaced`;
}

export interface PartitionKeys {
  partition: number;
  /** Stream: the log itself. */
  records: string;
  /** Hash VIN → connection, process, since when, network interface. */
  presence: string;
  /** Channel: `<VIN> <connection>` of each connection that another one has replaced. */
  replaced: string;
  /** Stream: messages that were not understood, bounded. */
  quarantine: string;
  /** Set of the VINs that have a snapshot. */
  vins: string;
  /** String: entry id up to which the snapshots are written. */
  snapshotCursor: string;
  /** Hash VIN → time of the newest record stored. */
  newest: string;
  /** Prefix; + VIN: string, the ring of 8-byte hashes of the last records. */
  seenPrefix: string;
  /** Prefix; + VIN: hash signal → reading. */
  snapshotPrefix: string;
  /** String `<owner> <epoch>` with an expiry, by the name of what is leased. */
  lease(name: string): string;
  /** Counter: how often a lease has changed hands. */
  epoch(name: string): string;
  /** Prefix; + VIN: hash slot → subscriber, holder, last sign of life, confirmed cursor. */
  slotsPrefix: string;
  /** Sorted set of the VINs that have slots, by when the last one expires. */
  slotVins: string;
  /** Hash process of the streaming server → its last sign of life, epoch ms. */
  streamingProcesses: string;
  /** Prefix; + VIN: list of entry ids and what was known of the vehicle there, oldest first. */
  checkpointsPrefix: string;
  /** Sorted set, with an expiry: fingerprints of vehicles whose data was deleted, by when. */
  forgotten: string;
  /** String: written anew before WAIT, which speaks of the last write of its connection. */
  ackFence: string;
  /** String with an expiry: calls of this appender with a lower number are given up (scripts/append-records.ts). */
  givenUp(appenderId: string): string;
  /** String with an expiry: this process of ingest lives. */
  process(processId: string): string;
  /** Hash entry id → how often the subscription's endpoint rejected it, for entries that are still pending. */
  rejections(subscription: string): string;
  /** Stream: dead letters of a subscription, with their last error. */
  dead(subscription: string): string;
  /** Set of the dead letters' ids that are to be delivered again. */
  redeliver(subscription: string): string;
  /** String: up to which id retention took entries that the subscription had not delivered yet. */
  lost(subscription: string): string;
}

export function partitionKeys(namespace: string, partition: number): PartitionKeys {
  const prefix = `${namespace}:{${partition}}:`;
  return {
    partition,
    records: `${prefix}records`,
    presence: `${prefix}presence`,
    replaced: `${prefix}presence:replaced`,
    quarantine: `${prefix}quarantine`,
    vins: `${prefix}vins`,
    snapshotCursor: `${prefix}cursor:snapshot`,
    newest: `${prefix}newest`,
    seenPrefix: `${prefix}seen:`,
    snapshotPrefix: `${prefix}snapshot:`,
    ackFence: `${prefix}ack-fence`,
    lease: (name) => `${prefix}lease:${name}`,
    epoch: (name) => `${prefix}epoch:${name}`,
    slotsPrefix: `${prefix}slots:`,
    slotVins: `${prefix}slot-vins`,
    streamingProcesses: `${prefix}streaming-processes`,
    checkpointsPrefix: `${prefix}checkpoints:`,
    forgotten: `${prefix}forgotten`,
    givenUp: (appenderId) => `${prefix}given-up:${appenderId}`,
    process: (processId) => `${prefix}process:${processId}`,
    rejections: (subscription) => `${prefix}rejections:${subscription}`,
    dead: (subscription) => `${prefix}dead:${subscription}`,
    redeliver: (subscription) => `${prefix}redeliver:${subscription}`,
    lost: (subscription) => `${prefix}lost:${subscription}`,
  };
}

/** Partition of a VIN: CRC16 (XMODEM, as Redis Cluster hashes keys) modulo the number of partitions. */
export function partitionOf(vin: string, partitions: number): number {
  return partitions === 1 ? 0 : crc16(vin) % partitions;
}

/** Slot in a Redis Cluster of every key of a partition: of what stands in the braces. */
export function slotOf(partition: number): number {
  return crc16(String(partition)) % 16_384;
}

export function crc16(text: string): number {
  let crc = 0;
  for (let at = 0; at < text.length; at++) {
    crc ^= text.charCodeAt(at) << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc;
}
