// The vehicle connections of this process: at most one per VIN. A newer connection replaces the older one, and a
// vehicle that stays silent is pinged, then terminated. A stop drains every connection into the log.
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@fleetbridge/service';
import type { Appender } from '@fleetbridge/store';
import { type Counts, countOne } from '../counts.js';
import type { ConnectionEvents, VehicleConnection } from './connection.js';
import type { AppendConnectivity } from './connectivity-records.js';
import type { RateLimits } from './rate-limits.js';
import type { StallDetector } from './stall-detector.js';

/** A vehicle that is silent for this long gets a ping; without an answer in the same time it is terminated. */
const SILENCE_MS = 60_000;
const SWEEP_MS = 5_000;
const CLOSE_TIMEOUT_MS = 2_000;

export interface ConnectionRegistryOptions {
  appender: Pick<Appender, 'drain' | 'unsettledBytes'>;
  appendConnectivity: AppendConnectivity;
  /** See ConnectionServices. */
  maxUnsettledBytes: number;
  stalls: Pick<StallDetector, 'wasUnread'>;
  rateLimits: Pick<RateLimits, 'deleteFull'> | undefined;
  counts: Pick<Counts, 'connected' | 'replaced' | 'ended'>;
  log: Logger;
  now: () => number;
}

export class ConnectionRegistry implements ConnectionEvents {
  readonly #options: ConnectionRegistryOptions;
  readonly #byVin = new Map<string, VehicleConnection>();
  /** All open connections; a replaced one stays here until its socket has closed. */
  readonly #open = new Set<VehicleConnection>();
  /** Paused connections with the time at which each was paused. */
  readonly #paused = new Map<VehicleConnection, number>();
  #sweeper: NodeJS.Timeout | undefined;

  constructor(options: ConnectionRegistryOptions) {
    this.#options = options;
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

  /** Registers a new connection and closes an older one of the same VIN. */
  add(connection: VehicleConnection): void {
    const { counts, log, appendConnectivity } = this.#options;
    const previous = this.#byVin.get(connection.vin);
    this.#open.add(connection);
    this.#byVin.set(connection.vin, connection);
    counts.connected++;
    appendConnectivity(connection, 'connect');
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
    if (previous) this.#closeReplaced(previous);
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
    const { now, rateLimits } = this.#options;
    const nowMs = now();
    rateLimits?.deleteFull(nowMs, (vin) => this.#byVin.has(vin));
    for (const connection of this.#open) {
      if (connection.isPaused || nowMs - connection.lastReceivedMs < SILENCE_MS) continue;
      if (!connection.isPinged) connection.ping(nowMs);
      else if (nowMs - connection.pingedMs >= SILENCE_MS) connection.terminate('silent');
    }
  }

  paused(connection: VehicleConnection): void {
    this.#paused.set(connection, this.#options.now());
  }

  resumed(connection: VehicleConnection): void {
    const { now, stalls } = this.#options;
    const nowMs = now();
    stalls.wasUnread(nowMs - (this.#paused.get(connection) ?? nowMs), nowMs);
    this.#paused.delete(connection);
  }

  closed(connection: VehicleConnection, code: number): void {
    const { log, now, appendConnectivity } = this.#options;
    // At a stop a silent vehicle is reported before its socket has closed.
    if (!this.#open.delete(connection)) return;
    this.#paused.delete(connection);
    if (this.#byVin.get(connection.vin) === connection) this.#byVin.delete(connection.vin);
    // the log ignores it when a newer connection has replaced this one
    appendConnectivity(connection, 'disconnect');
    const { connectionId, connectedMs } = connection.facts;
    const duration = Math.round((now() - connectedMs) / 1000);
    const { vin, records, bytes } = connection;
    log.info(
      { vin, connection_id: connectionId, code, records, bytes, duration_sec: duration },
      'vehicle_disconnected',
    );
  }

  /** Whatever the old connection still sends is not acknowledged; the vehicle repeats it on the new connection. */
  #closeReplaced(connection: VehicleConnection): void {
    this.#options.counts.replaced++;
    connection.stopReading();
    connection.close(1000, 'replaced by a newer connection');
  }
}
