// The connected vehicles of this process: who is here, who replaces whom, who has fallen silent. Connects and
// disconnects go to the log in the same queue as the records, so that a reader sees them in their true order.

import type { TokenBucket } from '@fleetbridge/access';
import type { Logger } from '@fleetbridge/service';
import {
  type Appender,
  type AppendReceipt,
  connectivityPayload,
  type Quarantine,
  type RecordToAppend,
} from '@fleetbridge/store';
import { type Counts, countOne } from '../counts.js';
import type { ConnectionHost, VehicleConnection } from './connection.js';
import type { RateLimits } from './rate-limits.js';
import type { Decision } from './receive.js';
import type { RecordInspection } from './record-inspection.js';
import type { TopicRules } from './topic-rules.js';

const MAX_UNSETTLED_BYTES = 64_000_000;
/** A vehicle that says nothing for so long is asked by a ping, and gone if that brings no answer in the same time. */
const SILENCE_MS = 60_000;
const SWEEP_MS = 5_000;
/** See isLate. A vehicle takes longer to find another connection and send anything on it. */
const LATE_MS = 250;
const LATE_FOR_MS = 10_000;
const TICK_MS = 50;
/** What is kept of a message that is not understood: enough to see what it was. */
const QUARANTINED_BYTES = 65_536;
/** Nothing waits for the quarantine, so what is under way to it is bounded here. */
const MAX_QUARANTINE_BYTES = 2_000_000;

export interface FleetOptions {
  appender: Pick<Appender, 'append' | 'drain' | 'unsettledBytes'>;
  quarantine: Pick<Quarantine, 'add'>;
  counts: Counts;
  log: Logger;
  now: () => number;
  /** All that the process may have under way to the log; past it every socket that sends is paused. Default 64 MB. */
  maxUnsettledBytes?: number | undefined;
  rules: TopicRules;
  /** Sees each record that goes to the log. */
  tap?: RecordInspection | undefined;
  /** How much each vehicle may send; default: as much as it likes. */
  rateLimits?: RateLimits | undefined;
}

export class Fleet implements ConnectionHost {
  readonly #options: FleetOptions;
  readonly #maxUnsettledBytes: number;
  readonly #byVin = new Map<string, VehicleConnection>();
  /** All open connections; one that was replaced is here until its socket has closed. */
  readonly #open = new Set<VehicleConnection>();
  /** Since when. */
  readonly #paused = new Map<VehicleConnection, number>();
  #quarantineBytes = 0;
  #sweeper: NodeJS.Timeout | undefined;
  #clock: NodeJS.Timeout | undefined;
  #tickMs: number;
  #lateUntilMs = 0;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#maxUnsettledBytes = options.maxUnsettledBytes ?? MAX_UNSETTLED_BYTES;
    this.#tickMs = options.now();
  }

  get counts(): Counts {
    return this.#options.counts;
  }

  get connected(): number {
    return this.#byVin.size;
  }

  get extraTopics(): ReadonlySet<string> {
    return this.#options.rules.extra;
  }

  isConnected(vin: string): boolean {
    return this.#byVin.has(vin);
  }

  get pausedSockets(): number {
    return this.#paused.size;
  }

  /** Vehicles that were asked whether they are still there, and have not answered yet. */
  get silent(): number {
    let silent = 0;
    for (const { isPinged } of this.#open) if (isPinged) silent++;
    return silent;
  }

  start(): void {
    this.#sweeper = setInterval(() => this.sweep(), SWEEP_MS);
    this.#clock = setInterval(() => {
      this.#tickMs = this.now();
    }, TICK_MS);
  }

  /** A vehicle is here. An older connection of the same VIN is ended: a vehicle has only one. */
  add(connection: VehicleConnection): void {
    const { counts, log } = this.#options;
    const previous = this.#byVin.get(connection.vin);
    this.#open.add(connection);
    this.#byVin.set(connection.vin, connection);
    counts.connected++;
    this.#appendConnectivity(connection, 'connect');
    const { connectionId, vehicleTxid, networkInterface, address } = connection.facts;
    log.info(
      {
        vin: connection.vin,
        connection_id: connectionId,
        vehicle_txid: vehicleTxid,
        network_interface: networkInterface,
        address,
        version: connection.sender.version,
      },
      'vehicle_connected',
    );
    if (previous) this.#endReplaced(previous);
  }

  /** Its vehicle has a newer connection, in another process. */
  replacedElsewhere({ vin, connectionId }: { vin: string; connectionId: string }): void {
    const connection = this.#byVin.get(vin);
    if (connection?.facts.connectionId === connectionId) this.#endReplaced(connection);
  }

  /** Ends the connections of vehicles that may not be here any more. What they have sent is stored. */
  endUnadmitted(isAdmitted: (vin: string) => boolean): void {
    const { counts, log } = this.#options;
    for (const connection of this.#byVin.values()) {
      if (!connection.isReading || isAdmitted(connection.vin)) continue;
      countOne(counts.ended, 'not_admitted');
      log.info({ vin: connection.vin }, 'vehicle_not_admitted_any_more');
      connection.stopReading();
      connection.close(1008, 'not admitted any more');
    }
  }

  /** Whether there is room to read more; asked after each record. */
  isFull(): boolean {
    return this.#options.appender.unsettledBytes >= this.#maxUnsettledBytes;
  }

  /**
   * Whether what is read now may have lain here unread for so long (the process slept, or sockets were paused) that its
   * vehicle has given this connection up and sent it again to another process. It has to be looked for, then.
   */
  isLate(nowMs: number): boolean {
    if (nowMs - this.#tickMs > LATE_MS) this.#lateUntilMs = nowMs + LATE_FOR_MS;
    return nowMs < this.#lateUntilMs;
  }

  /** To be called after the log has answered: sockets that waited for the process as a whole go on. */
  resumePaused(): void {
    if (this.#paused.size === 0 || this.#options.appender.unsettledBytes > this.#maxUnsettledBytes / 2) return;
    for (const connection of this.#paused.keys()) connection.resumeIfPossible();
  }

  /**
   * Our process lease had run out: others may have reported our vehicles as gone, or have them by now. Says of each
   * open socket that it is here, under the new process id; the log knows which of them are elsewhere.
   */
  connectAnew(): void {
    for (const connection of this.#byVin.values()) this.#appendConnectivity(connection, 'reconnect');
  }

  /** Reads nothing more, lets what was read reach the log and be acknowledged, then says goodbye to all. */
  async stop({ deadlineMs }: { deadlineMs: number }): Promise<void> {
    clearInterval(this.#sweeper);
    clearInterval(this.#clock);
    // A tenth is left for the parts that stop after this one.
    const until = performance.now() + deadlineMs * 0.9;
    for (const connection of this.#open) connection.stopReading();
    await this.#options.appender.drain(deadlineMs * 0.7);
    for (const connection of this.#open) connection.close(1001, 'server is going away');
    const patienceUntil = Math.min(until, performance.now() + 2_000);
    while (this.#open.size > 0 && performance.now() < patienceUntil)
      await new Promise((resolve) => setTimeout(resolve, 10));
    for (const connection of this.#open) connection.terminate('no_goodbye');
    // each closed socket has put its disconnect behind the records
    await this.#options.appender.drain(Math.max(0, until - performance.now()));
  }

  /** Asks who has been silent for long, and ends who was asked and stayed silent. Called every few seconds. */
  sweep(): void {
    const now = this.now();
    this.#options.rateLimits?.deleteFull(now, (vin) => this.#byVin.has(vin));
    for (const connection of this.#open) {
      if (connection.isPaused || now - connection.lastHeardMs < SILENCE_MS) continue;
      if (!connection.isPinged) connection.ping(now);
      else if (now - connection.pingedMs >= SILENCE_MS) connection.terminate('silent');
    }
  }

  // What a connection needs of us.

  now(): number {
    return this.#options.now();
  }

  append({ record }: Extract<Decision, { kind: 'append' }>, receipt: AppendReceipt): void {
    this.#options.tap?.(record);
    this.#options.appender.append(record, receipt);
  }

  acksOnReceive(topic: string): boolean {
    const { ackOnReceive } = this.#options.rules;
    return ackOnReceive.size > 0 && ackOnReceive.has(topic);
  }

  bucketOf(vin: string): TokenBucket | undefined {
    return this.#options.rateLimits?.bucketOf(vin);
  }

  quarantine({ vin }: VehicleConnection, reason: string, bytes: Buffer): void {
    const { quarantine, log, counts } = this.#options;
    const kept = bytes.subarray(0, QUARANTINED_BYTES);
    // a message costs more than its bytes
    const cost = kept.length + 200;
    if (this.#quarantineBytes + cost > MAX_QUARANTINE_BYTES) {
      counts.quarantineDropped++;
      return;
    }
    this.#quarantineBytes += cost;
    quarantine
      .add({ vin, reason, receivedMs: this.now(), bytes: kept })
      .catch((err) => log.debug({ err, vin }, 'quarantine_failed'))
      .finally(() => {
        this.#quarantineBytes -= cost;
      });
  }

  refused({ vin }: VehicleConnection, { reason, detail }: Extract<Decision, { kind: 'answer' }>): void {
    this.#options.log.debug({ vin, reason, detail }, 'record_refused');
  }

  paused(connection: VehicleConnection): void {
    this.#paused.set(connection, this.now());
  }

  resumed(connection: VehicleConnection): void {
    const nowMs = this.now();
    if (nowMs - (this.#paused.get(connection) ?? nowMs) > LATE_MS) this.#lateUntilMs = nowMs + LATE_FOR_MS;
    this.#paused.delete(connection);
  }

  closed(connection: VehicleConnection, code: number): void {
    const { log } = this.#options;
    this.#open.delete(connection);
    this.#paused.delete(connection);
    if (this.#byVin.get(connection.vin) === connection) this.#byVin.delete(connection.vin);
    // The log ignores it when a newer connection has taken this one's place.
    this.#appendConnectivity(connection, 'disconnect');
    const { connectionId, connectedMs } = connection.facts;
    const duration = Math.round((this.now() - connectedMs) / 1000);
    const { vin, records, bytes } = connection;
    log.info(
      { vin, connection_id: connectionId, code, records, bytes, duration_sec: duration },
      'vehicle_disconnected',
    );
  }

  /** What it still sends can't be acknowledged any more; the vehicle repeats that on its new connection. */
  #endReplaced(connection: VehicleConnection): void {
    this.#options.counts.replaced++;
    connection.stopReading();
    connection.close(1000, 'replaced by a newer connection');
  }

  #appendConnectivity(connection: VehicleConnection, kind: 'connect' | 'reconnect' | 'disconnect'): void {
    const { vin, facts } = connection;
    const { connectionId, networkInterface } = facts;
    const atMs = this.now();
    const payload = connectivityPayload({
      vin,
      connectionId,
      isConnected: kind !== 'disconnect',
      atMs,
      networkInterface,
    });
    const record: RecordToAppend = {
      kind,
      vin,
      topic: 'connectivity',
      txid: Buffer.from(connectionId),
      createdMs: atMs,
      receivedMs: atMs,
      version: '',
      networkInterface,
      payload,
    };
    // connecting anew is news for the log alone
    if (kind !== 'reconnect') this.#options.tap?.(record);
    this.#options.appender.append(record, {
      settled: (outcome) => {
        if (outcome === 'failed') this.#options.log.error({ vin, kind }, 'connectivity_refused');
        if (outcome === 'elsewhere') connection.terminate('vehicle_is_elsewhere');
      },
    });
  }
}
