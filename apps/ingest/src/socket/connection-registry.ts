// The vehicle connections of this process: at most one per VIN. A newer connection replaces the older one, and a
// vehicle that stays silent is pinged, then terminated. A stop drains every connection into the log.
import { setTimeout as delay } from 'node:timers/promises';
import { BoundedMap } from '@fleetbridge/access';
import type { Logger } from '@fleetbridge/service';
import type { Appender } from '@fleetbridge/store';
import { type Counts, countOne } from '../counts.js';
import type { ByteBudget } from './byte-budget.js';
import type { ConnectionEvents, VehicleConnection } from './connection.js';
import type { AppendConnectivity } from './connectivity-records.js';
import type { StallDetector } from './stall-detector.js';
import { VehicleBuckets } from './vehicle-buckets.js';

/** A vehicle that is silent for this long gets a ping; without an answer in the same time it is terminated. */
const SILENCE_MS = 60_000;
const SWEEP_MS = 5_000;
const CLOSE_TIMEOUT_MS = 2_000;
/** A vehicle connects a few times per hour, and some times per minute where its line is bad. */
const CONNECTS_PER_MINUTE = 60;
/** Connects that replace a connection leave one line per vehicle in this time. */
const REPLACED_LOG_MS = 60_000;
const MAX_REPLACED_VEHICLES = 10_000;

export interface ConnectionRegistryOptions {
  appender: Pick<Appender, 'drain' | 'unsettledBytes'>;
  appendConnectivity: AppendConnectivity;
  /** See ConnectionServices. */
  maxUnsettledBytes: number;
  stalls: Pick<StallDetector, 'wasUnread'>;
  rateLimits: Pick<VehicleBuckets, 'deleteFull'> | undefined;
  byteBudget: Pick<ByteBudget, 'cleanup'> | undefined;
  /** Connects of one vehicle at once, and per minute; default: CONNECTS_PER_MINUTE. */
  connectsPerMinute?: number | undefined;
  counts: Pick<Counts, 'connected' | 'replaced' | 'ended'>;
  log: Logger;
  /** Milliseconds of a clock that can't be set. */
  monotonicNow: () => number;
}

export class ConnectionRegistry implements ConnectionEvents {
  readonly #options: ConnectionRegistryOptions;
  readonly #byVin = new Map<string, VehicleConnection>();
  /** All open connections; a replaced one stays here until its socket has closed. */
  readonly #open = new Set<VehicleConnection>();
  /** By VIN: its replaced connection that is still closing, with the timer that terminates it. */
  readonly #closing = new Map<string, { connection: VehicleConnection; timer: NodeJS.Timeout }>();
  readonly #connects: VehicleBuckets;
  /** By VIN: when the last line about a replaced connection was logged, and the number of those since. */
  readonly #replacedLines = new BoundedMap<{ loggedMs: number; suppressed: number }>({
    maxKeys: MAX_REPLACED_VEHICLES,
  });
  /** Paused connections with the time at which each was paused. */
  readonly #paused = new Map<VehicleConnection, number>();
  #sweeper: NodeJS.Timeout | undefined;

  constructor(options: ConnectionRegistryOptions) {
    this.#options = options;
    const { connectsPerMinute = CONNECTS_PER_MINUTE } = options;
    this.#connects = new VehicleBuckets({ capacity: connectsPerMinute, perSecond: connectsPerMinute / 60 });
  }

  /** Open sockets: of connected vehicles, and of replaced connections that are closing. */
  get sockets(): number {
    return this.#open.size;
  }

  /** False when the vehicle has connected too often; otherwise the connect is counted. */
  mayConnect(vin: string): boolean {
    const bucket = this.#connects.bucketOf(vin);
    const nowMs = this.#options.monotonicNow();
    if (bucket.waitMs(nowMs) > 0) return false;
    bucket.take(nowMs);
    return true;
  }

  /** Connected vehicles. */
  get connected(): number {
    return this.#byVin.size;
  }

  isConnected(vin: string): boolean {
    return this.#byVin.has(vin);
  }

  get pausedSockets(): number {
    return this.#paused.size;
  }

  /** Vehicles that have not answered a ping yet. */
  get silent(): number {
    let silent = 0;
    for (const { isPinged } of this.#open) if (isPinged) silent++;
    return silent;
  }

  start(): void {
    this.#sweeper = setInterval(() => this.sweep(), SWEEP_MS);
  }

  /** Registers a new connection and closes an older one of the same VIN; at once, if there is no room for its socket. */
  add(connection: VehicleConnection, { isFull = false } = {}): void {
    const { counts, appendConnectivity } = this.#options;
    const previous = this.#byVin.get(connection.vin);
    this.#open.add(connection);
    this.#byVin.set(connection.vin, connection);
    counts.connected++;
    appendConnectivity(connection, 'connect');
    this.#logConnected(connection, previous !== undefined);
    if (previous) this.#closeReplaced(previous);
    if (isFull) this.#terminateReplaced(connection.vin);
  }

  /** The vehicle has a newer connection in another process. */
  replacedElsewhere({ vin, connectionId }: { vin: string; connectionId: string }): void {
    const connection = this.#byVin.get(vin);
    if (connection?.facts.connectionId === connectionId) this.#closeReplaced(connection);
  }

  /** Closes the connections of vehicles that are not admitted any more. Records already read are still stored. */
  closeUnadmitted(isAdmitted: (vin: string) => boolean): void {
    const { counts, log } = this.#options;
    for (const connection of this.#byVin.values()) {
      if (!connection.isReading || isAdmitted(connection.vin)) continue;
      countOne(counts.ended, 'not_admitted');
      log.info({ vin: connection.vin }, 'vehicle_admission_revoked');
      connection.stopReading();
      connection.close(1008, 'not admitted any more');
    }
  }

  /** Resumes sockets that were paused by the limit of the whole process. Call it after Redis has answered an append. */
  resumePaused(): void {
    const { appender, maxUnsettledBytes } = this.#options;
    if (this.#paused.size === 0 || appender.unsettledBytes > maxUnsettledBytes / 2) return;
    for (const connection of this.#paused.keys()) connection.resumeIfPossible();
  }

  /**
   * Reports every connection again, under the new process id. Needed after the process lease has expired: the
   * dispatcher may have reported our vehicles as disconnected, or they may have connected to another process. The log
   * answers `elsewhere` for the latter.
   */
  reportAll(): void {
    for (const connection of this.#byVin.values()) this.#options.appendConnectivity(connection, 'reconnect');
  }

  /** Stops reading, waits until everything read is stored and acknowledged, then closes all connections. */
  async stop({ deadlineMs }: { deadlineMs: number }): Promise<void> {
    const { appender } = this.#options;
    clearInterval(this.#sweeper);
    // the last tenth is left for the parts that stop after this one
    const until = performance.now() + deadlineMs * 0.9;
    for (const connection of this.#open) connection.stopReading();
    await appender.drain(deadlineMs * 0.7);
    for (const connection of this.#open) connection.close(1001, 'server is going away');
    // half of the remaining time is for the disconnects of those that don't answer
    const closeUntil = performance.now() + Math.min((until - performance.now()) / 2, CLOSE_TIMEOUT_MS);
    while (this.#open.size > 0 && performance.now() < closeUntil) await delay(10);
    for (const connection of this.#open) connection.terminate('no_goodbye');
    // A terminated socket emits 'close' later, or not at all while it holds unsent bytes.
    for (const connection of this.#open) this.closed(connection, 1006);
    // each connection has appended its disconnect behind its records
    await appender.drain(Math.max(0, until - performance.now()));
  }

  /** Pings connections that have been silent for long and terminates those that did not answer their ping. */
  sweep(): void {
    const { monotonicNow, rateLimits, byteBudget } = this.#options;
    const nowMs = monotonicNow();
    const isConnected = (vin: string) => this.#byVin.has(vin);
    rateLimits?.deleteFull(nowMs, isConnected);
    byteBudget?.cleanup(isConnected);
    this.#connects.deleteFull(nowMs, isConnected);
    for (const connection of this.#open) {
      if (connection.isPaused || nowMs - connection.lastReceivedMs < SILENCE_MS) continue;
      if (!connection.isPinged) connection.ping(nowMs);
      else if (nowMs - connection.pingedMs >= SILENCE_MS) connection.terminate('silent');
    }
  }

  paused(connection: VehicleConnection): void {
    this.#paused.set(connection, this.#options.monotonicNow());
  }

  resumed(connection: VehicleConnection): void {
    const { monotonicNow, stalls } = this.#options;
    const pausedMs = this.#paused.get(connection);
    if (pausedMs !== undefined) stalls.wasUnread(monotonicNow() - pausedMs);
    this.#paused.delete(connection);
  }

  closed(connection: VehicleConnection, code: number): void {
    const { log, monotonicNow, appendConnectivity } = this.#options;
    // At a stop a silent vehicle is reported before its socket has closed.
    if (!this.#open.delete(connection)) return;
    this.#paused.delete(connection);
    const isReplaced = this.#byVin.get(connection.vin) !== connection;
    if (!isReplaced) this.#byVin.delete(connection.vin);
    const closing = this.#closing.get(connection.vin);
    if (closing?.connection === connection) {
      clearTimeout(closing.timer);
      this.#closing.delete(connection.vin);
    }
    // the log ignores it when a newer connection has replaced this one
    appendConnectivity(connection, 'disconnect');
    const { connectionId, connectedMs } = connection.facts;
    const duration = Math.round((monotonicNow() - connectedMs) / 1000);
    const { vin, records, bytes } = connection;
    const facts = { vin, connection_id: connectionId, code, records, bytes, duration_sec: duration };
    // the newer connection has a line of its own
    if (isReplaced) log.debug(facts, 'vehicle_disconnected');
    else log.info(facts, 'vehicle_disconnected');
  }

  /**
   * Whatever the old connection still sends is not acknowledged; the vehicle repeats it on the new connection. A vehicle
   * has at most one connection that is closing, and that for a short time: its socket counts for MAX_CONNECTIONS.
   */
  #closeReplaced(connection: VehicleConnection): void {
    const { vin } = connection;
    this.#options.counts.replaced++;
    this.#terminateReplaced(vin);
    connection.stopReading();
    const timer = setTimeout(() => this.#terminateReplaced(vin), CLOSE_TIMEOUT_MS).unref();
    this.#closing.set(vin, { connection, timer });
    connection.close(1000, 'replaced by a newer connection');
  }

  #terminateReplaced(vin: string): void {
    const closing = this.#closing.get(vin);
    if (closing === undefined) return;
    clearTimeout(closing.timer);
    this.#closing.delete(vin);
    closing.connection.terminate('replaced');
  }

  #logConnected({ vin, facts, sender }: VehicleConnection, isReplacing: boolean): void {
    const { log } = this.#options;
    const { connectionId, vehicleTxid, networkInterface, address } = facts;
    const fields = {
      vin,
      connection_id: connectionId,
      vehicle_txid: vehicleTxid,
      network_interface: networkInterface,
      address,
      version: sender.version,
    };
    const nowMs = this.#options.monotonicNow();
    const last = isReplacing ? this.#replacedLines.get(vin) : undefined;
    if (last !== undefined && nowMs - last.loggedMs < REPLACED_LOG_MS) {
      last.suppressed++;
      log.debug(fields, 'vehicle_connected');
      return;
    }
    if (isReplacing) this.#replacedLines.set(vin, { loggedMs: nowMs, suppressed: 0 });
    log.info(last?.suppressed ? { ...fields, suppressed: last.suppressed } : fields, 'vehicle_connected');
  }
}
