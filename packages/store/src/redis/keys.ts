// All names of Redis keys and channels. Every key of a partition contains `{n}`, so that all of them share a slot and
// scripts are atomic on a Redis Cluster.

export interface Layout {
  namespace: string;
  partitions: number;
}

/** String, written at the first start: the number of partitions and the version of the schema. */
export function layoutKey(namespace: string): string {
  return `${namespace}:layout`;
}

/** String, written once: random, differs in a Redis that was emptied or replaced. */
export function identityKey(namespace: string): string {
  return `${namespace}:identity`;
}

/** Hash SHA-256 of a token → its grant. In no partition, because a token can be valid for all vehicles. */
export function tokensKey(namespace: string): string {
  return `${namespace}:tokens`;
}

/** Hash of the clients that sign in: `client:<id>`, and by SHA-256 of a token `refresh:…` and `access:…`. */
export function clientsKey(namespace: string): string {
  return `${namespace}:clients`;
}

/** Hash VIN → its two ids in REST, `<id> <vehicle id>`. In no partition, because an id leads to its VIN. */
export function vehicleIdsKey(namespace: string): string {
  return `${namespace}:vehicle-ids`;
}

/** Hash subscription → its definition. */
export function subscriptionsKey(namespace: string): string {
  return `${namespace}:subscriptions`;
}

/** Hash subscription → the mistakes that a dispatcher found in its definition; an empty list when it is valid. */
export function subscriptionVerdictsKey(namespace: string): string {
  return `${namespace}:subscription-verdicts`;
}

/** Sorted set of the running dispatchers, by expiry. */
export function dispatchersKey(namespace: string): string {
  return `${namespace}:dispatchers`;
}

/** Hash VIN → `allow` or `deny`, and the version of the list. In no partition, because it is read as a whole. */
export function admissionKey(namespace: string): string {
  return `${namespace}:admission`;
}

/** Hash `<day> <kind>` → calls of Tesla's Fleet API on that day: requests, commands, wakes. */
export function apiUsageKey(namespace: string): string {
  return `${namespace}:api-usage`;
}

/** Hash day or month → calls that the gateway has forwarded to Tesla then, for their limits. */
export function forwardedCallsKey(namespace: string): string {
  return `${namespace}:forwarded-calls`;
}

/**
 * Hash `<part> <VIN>` → JSON: the telemetry configuration of the vehicle. Parts: wanted, sent, watch. In no partition,
 * because it is read as a whole.
 */
export function telemetryConfigurationsKey(namespace: string): string {
  return `${namespace}:telemetry-configurations`;
}

/** Hash: the last report of `fleetbridge doctor`, `checked` and one field per finding, `<number> <VIN>`. */
export function doctorReportKey(namespace: string): string {
  return `${namespace}:doctor-report`;
}

/** Pattern of the channel `replaced` of all partitions. */
export function replacedPattern(namespace: string): string {
  return `${namespace}:{*}:presence:replaced`;
}

export interface PartitionKeys {
  partition: number;
  /** Stream: the log itself. */
  records: string;
  /** Hash VIN → connection, process, time of the connect, network interface. */
  presence: string;
  /** Channel: `<VIN> <connection>` for each connection that another one has replaced. */
  replaced: string;
  /** Stream, bounded: messages that could not be parsed. */
  quarantine: string;
  /** Set of VINs that have a snapshot. */
  vins: string;
  /** String: the entry id up to which the snapshots are written. */
  snapshotCursor: string;
  /** String: the entry id up to which signals are counted. Stays when snapshots are recomputed. */
  signalCursor: string;
  /** Prefix; + VIN: hash day → signals received on that day, in UTC. */
  signalDaysPrefix: string;
  /** String: the clock of Redis at the last pass of retention that trusted it, ms. */
  retentionPass: string;
  /** Hash VIN → time of its newest record in the log. */
  newest: string;
  /** Sorted set with an expiry: VINs over VEHICLE_BYTES_PER_MINUTE, by time of their last pause. */
  limited: string;
  /**
   * Prefix; + VIN: string with an expiry, the newest time of the vehicle's clock that was stored as it is because the clock of
   * Redis was behind.
   */
  vehicleTimePrefix: string;
  /** Prefix; + VIN: string, ring of the 8-byte hashes of its last records. */
  seenPrefix: string;
  /** Prefix; + VIN: hash signal → reading. */
  snapshotPrefix: string;
  /** String `<owner> <epoch>` with an expiry, by the name of the lease. */
  lease(name: string): string;
  /** Counter: how often the lease has been acquired. */
  epoch(name: string): string;
  /** Prefix; + VIN: hash slot → subscriber, holder, last heartbeat, confirmed cursor. */
  slotsPrefix: string;
  /** Sorted set of the VINs that have slots, by expiry of the last slot. */
  slotVins: string;
  /** Hash process of the streaming server → its last heartbeat, epoch ms. */
  streamingProcesses: string;
  /** Prefix; + VIN: list of entry ids with the state of the vehicle there, oldest first. */
  checkpointsPrefix: string;
  /** Prefix; + VIN: hash of the times and the state that REST has answered. */
  answeredPrefix: string;
  /** Prefix; + VIN: string, a saved vehicle_data document. */
  seedPrefix: string;
  /** Prefix; + VIN: hash field of vehicle_config → the last value that was known. */
  configPrefix: string;
  /** Prefix; + VIN: hash domain → session for signed commands. */
  commandSessionsPrefix: string;
  /** Prefix; + VIN: hash `<domain> <epoch>` → `<highest allocated counter> <time of the allocation>`. */
  commandCountersPrefix: string;
  /** Prefix; + VIN: string with an expiry, `<ticket> <epoch>` of the command in flight. */
  commandTurnPrefix: string;
  /** Prefix; + VIN: counter of tickets and turns. */
  commandEpochPrefix: string;
  /** Prefix; + VIN: sorted set of the tickets that wait for the turn, in their order. */
  commandQueuePrefix: string;
  /** Prefix; + VIN: sorted set of the same tickets by expiry. */
  commandWaitersPrefix: string;
  /** Prefix; + VIN: sorted set of the calls to Tesla of the last minute, `<kind> <number>`, by time. */
  commandCallsPrefix: string;
  /** Prefix; + VIN: string with an expiry, whether the vehicle takes signed commands. */
  commandProtocolPrefix: string;
  /** Stream, bounded: which commands were executed, for whom, with which outcome. */
  commandAudit: string;
  /** Hash, in partition 0 only: the Tesla account. `version`, `tokens` and `application` (encrypted), `api-url`. */
  teslaAccount: string;
  /** String with an expiry, in partition 0 only: JSON of the sign-in that the owner has open in the browser. */
  teslaSignIn: string;
  /** Sorted set with an expiry: fingerprints of deleted vehicles, by time of the deletion. */
  forgotten: string;
  /** String: written before WAIT, which refers to the last write of its connection. */
  ackFence: string;
  /** String with an expiry: calls of this appender with a lower number were abandoned (scripts/append-records.ts). */
  givenUp(appenderId: string): string;
  /** String with an expiry: exists while this process of ingest is alive. */
  process(processId: string): string;
  /** Hash entry id → how often the endpoint of the subscription rejected it, for pending entries. */
  rejections(subscription: string): string;
  /** Stream: dead letters of the subscription, with their last error. */
  dead(subscription: string): string;
  /** Set of ids of the dead letters to deliver again. */
  redeliver(subscription: string): string;
  /** String with an expiry: since when and why the holder does not deliver, while the endpoint is away. */
  suspension(subscription: string): string;
  /** String: the id up to which retention removed entries that the subscription had not delivered. */
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
    signalCursor: `${prefix}cursor:signals`,
    signalDaysPrefix: `${prefix}signal-days:`,
    retentionPass: `${prefix}retention-pass`,
    newest: `${prefix}newest`,
    limited: `${prefix}limited`,
    vehicleTimePrefix: `${prefix}vehicle-time:`,
    seenPrefix: `${prefix}seen:`,
    snapshotPrefix: `${prefix}snapshot:`,
    ackFence: `${prefix}ack-fence`,
    lease: (name) => `${prefix}lease:${name}`,
    epoch: (name) => `${prefix}epoch:${name}`,
    slotsPrefix: `${prefix}slots:`,
    slotVins: `${prefix}slot-vins`,
    streamingProcesses: `${prefix}streaming-processes`,
    checkpointsPrefix: `${prefix}checkpoints:`,
    answeredPrefix: `${prefix}answered:`,
    seedPrefix: `${prefix}seed:`,
    configPrefix: `${prefix}config:`,
    commandSessionsPrefix: `${prefix}command-sessions:`,
    commandCountersPrefix: `${prefix}command-counters:`,
    commandTurnPrefix: `${prefix}command-turn:`,
    commandEpochPrefix: `${prefix}command-epoch:`,
    commandQueuePrefix: `${prefix}command-queue:`,
    commandWaitersPrefix: `${prefix}command-waiters:`,
    commandCallsPrefix: `${prefix}command-calls:`,
    commandProtocolPrefix: `${prefix}command-protocol:`,
    commandAudit: `${prefix}command-audit`,
    teslaAccount: `${prefix}tesla-account`,
    teslaSignIn: `${prefix}tesla-sign-in`,
    forgotten: `${prefix}forgotten`,
    givenUp: (appenderId) => `${prefix}given-up:${appenderId}`,
    process: (processId) => `${prefix}process:${processId}`,
    rejections: (subscription) => `${prefix}rejections:${subscription}`,
    dead: (subscription) => `${prefix}dead:${subscription}`,
    redeliver: (subscription) => `${prefix}redeliver:${subscription}`,
    suspension: (subscription) => `${prefix}suspension:${subscription}`,
    lost: (subscription) => `${prefix}lost:${subscription}`,
  };
}

/** The partition of a VIN: CRC16 (XMODEM, which Redis Cluster also uses) modulo the number of partitions. */
export function partitionOf(vin: string, partitions: number): number {
  return partitions === 1 ? 0 : crc16(vin) % partitions;
}

/** The Redis Cluster slot of all keys of a partition: Redis hashes only the part in braces. */
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
