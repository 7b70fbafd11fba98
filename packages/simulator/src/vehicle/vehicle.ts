// A simulated vehicle: a model that advances with time, and a connection that is opened and closed. Each record is kept
// until it is acknowledged. After a reconnect unacknowledged records are resent first, oldest first, with the same txid
// and is_resend set.

import { randomUUID } from 'node:crypto';
import { type Datum, encodeMessage, timestampOf, writeRecordEnvelope } from '@fleetbridge/protocol';
import type { ChargerOptions, Waypoint } from '../model/index.js';
import {
  applyControls,
  configureTelemetry,
  createVehicleModel,
  DEFAULT_FIRMWARE,
  fallAsleep,
  nextWindowMs,
  type Phase,
  type PhasePlan,
  seededRandom,
  seedOf,
  stepVehicleModel,
  type TelemetryConfig,
  type VehicleControls,
  type VehicleModel,
  WINDOW_MS,
  wakeUp,
} from '../model/index.js';
import { Backlog } from './backlog.js';
import { type Clock, realClock } from './clock.js';
import { Ledger, type LedgerEntry, payloadDigest } from './ledger.js';
import { connectVehicle, type VehicleConnection } from './vehicle-connection.js';

/** Where a vehicle connects to, and what it shows there. */
export interface VehicleServer {
  readonly url: string;
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly caPem: string;
}

/** Without a URL it connects nowhere until `connectTo`. */
export interface SimulatedVehicleOptions extends Partial<VehicleServer> {
  readonly vin: string;
  readonly servername?: string;
  /** Address of the host name in the URL; default: the system's. */
  readonly lookup?: (hostname: string) => string | Promise<string>;
  /** Called with the bytes of each record at each send, resends included. */
  readonly onSend?: (bytes: Uint8Array) => void;
  /** Default: derived from the VIN. */
  readonly seed?: number;
  readonly route?: readonly Waypoint[];
  /** With an empty plan the vehicle sends only the records of `send`. */
  readonly plan?: readonly PhasePlan[];
  /** Which signals the model sends when. Default: `defaultTelemetry`. */
  readonly telemetry?: TelemetryConfig;
  /** What it charges at. Default: a wallbox of 11 kW. */
  readonly charger?: ChargerOptions;
  /** Vehicle seconds per real second, until the vehicle's clock has reached the real one. Default 1. */
  readonly timeScale?: number;
  /**
   * The vehicle's clock at the start, never later than now. Default: now; six hours ago when time is scaled, because a
   * server treats a clock ahead of its own as wrong.
   */
  readonly startMs?: number;
  readonly clock?: Clock;
  /** Back-off of reconnects: doubled each time, then multiplied by a random factor between 0.5 and 1. */
  readonly reconnect?: { readonly minimumMs: number; readonly maximumMs: number };
  /** Maximum number of unacknowledged records in flight. Default 64. */
  readonly inFlight?: number;
  /** Maximum number of unacknowledged records; beyond it the oldest waiting one is dropped. Default 10,000. */
  readonly backlogRecords?: number;
  /** Maximum number of ledger entries. Default 50,000. */
  readonly ledgerRecords?: number;
  /** Its firmware: the header and the signal Version. */
  readonly version?: string;
  readonly networkInterface?: string;
  readonly onEvent?: (event: SimulatedVehicleEvent) => void;
}

export type SimulatedVehicleEvent =
  | { readonly type: 'connected'; readonly connectionId: string }
  | { readonly type: 'disconnected'; readonly code: number }
  | { readonly type: 'connect_failed'; readonly error: Error; readonly retryMs: number }
  | { readonly type: 'phase'; readonly phase: Phase };

interface PendingRecord {
  readonly txid: string;
  readonly createdMs: number;
  readonly signals: Datum[];
  readonly entry: LedgerEntry;
}

const SIX_HOURS_MS = 6 * 3_600_000;
/** A clock that jumps must not block the process. */
const MAX_WINDOWS_PER_TICK = 240;
/** How long a vehicle waits for the last acks before it sleeps. */
const LAST_ACKS_MS = 1_000;

export class SimulatedVehicle {
  readonly vin: string;
  readonly ledger: Ledger;
  readonly #options: SimulatedVehicleOptions;
  readonly #clock: Clock;
  readonly #timeScale: number;
  readonly #jitter: () => number;
  readonly #backlog: Backlog<PendingRecord>;
  readonly #model: VehicleModel | undefined;
  #server: VehicleServer | undefined;
  #version: string;
  /** When it was created or stopped. */
  #pausedMs: number;
  #isRunning = false;
  #isAdvancing = false;
  #isAwake = true;
  #phase: Phase | undefined;
  #connection: VehicleConnection | undefined;
  #isConnecting = false;
  /** Of the connection that is not open yet. */
  #attempt: AbortController | undefined;
  #failures = 0;
  #lastTickMs = 0;
  #cancelTick: () => void = nothing;
  #cancelRetry: () => void = nothing;
  #isRetryScheduled = false;
  #cancelSleep: () => void = nothing;
  #onChange: () => void = nothing;

  constructor(options: SimulatedVehicleOptions) {
    this.vin = options.vin;
    this.#options = options;
    this.#clock = options.clock ?? realClock;
    this.#timeScale = options.timeScale ?? 1;
    const { url, certificatePem = '', keyPem = '', caPem = '' } = options;
    this.#server = url === undefined ? undefined : { url, certificatePem, keyPem, caPem };
    this.#version = options.version ?? DEFAULT_FIRMWARE;
    const seed = options.seed ?? seedOf(options.vin);
    this.#jitter = seededRandom(seed + 1);
    this.#backlog = new Backlog(options.backlogRecords ?? 10_000);
    this.ledger = new Ledger(options.ledgerRecords ?? 50_000);
    const now = this.#clock.now();
    this.#pausedMs = now;
    const startMs = Math.min(now, options.startMs ?? (this.#timeScale > 1 ? now - SIX_HOURS_MS : now));
    if (options.plan?.length !== 0) {
      this.#model = createVehicleModel({
        seed,
        startMs,
        firmware: this.#version,
        ...(options.plan === undefined ? {} : { plan: options.plan }),
        ...(options.route === undefined ? {} : { route: options.route }),
        ...(options.charger === undefined ? {} : { charger: options.charger }),
        ...(options.telemetry === undefined ? {} : { telemetry: options.telemetry }),
      });
    }
  }

  get isConnected(): boolean {
    return this.#connection !== undefined;
  }

  /** Undefined before the first window and without a plan. */
  get phase(): Phase | undefined {
    return this.#phase;
  }

  /** Number of unacknowledged records. */
  get pending(): number {
    return this.#backlog.size;
  }

  start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#lastTickMs = this.#clock.now();
    // its clock runs on while it is stopped
    if (this.#model !== undefined) this.#model.timeMs += this.#lastTickMs - this.#pausedMs;
    this.#isAdvancing = this.#model !== undefined;
    this.#connect();
    if (this.#isAdvancing) this.#scheduleTick();
  }

  /** Replaces the telemetry configuration, also while the vehicle runs. Throws RangeError. */
  configure(telemetry: TelemetryConfig): void {
    if (this.#model !== undefined) configureTelemetry(this.#model, telemetry);
  }

  /**
   * Another server from now on, or no server. The vehicle lives on meanwhile, and unacknowledged records go to the new
   * server. Resolves when the old connection has ended.
   */
  async connectTo(server: VehicleServer | undefined): Promise<void> {
    this.#server = server;
    this.#failures = 0;
    this.#attempt?.abort();
    await this.#endConnection();
    this.#cancelRetry();
    this.#isRetryScheduled = false;
    this.#connect();
  }

  /** As a command does. */
  control(controls: VehicleControls): void {
    if (this.#model !== undefined) applyControls(this.#model, controls);
  }

  /** Wakes it up, or lets it sleep until it is woken up. */
  setAwake(isAwake: boolean): void {
    if (this.#model === undefined) return;
    if (isAwake) wakeUp(this.#model);
    else fallAsleep(this.#model);
  }

  /** Another firmware; the header shows it at the next connection. */
  install(version: string): void {
    this.#version = version;
    if (this.#model !== undefined) this.#model.firmware = version;
  }

  /** Adds a record to those that the model creates; returns its txid. */
  send(signals: Datum[], createdMs: number = this.#clock.now()): string {
    const txid = randomUUID();
    const entry = this.ledger.addRecord(txid, createdMs, payloadDigest(this.#payload(signals, createdMs, false)));
    const dropped = this.#backlog.add({ txid, createdMs, signals, entry });
    if (dropped !== undefined) {
      dropped.entry.isDropped = true;
      this.ledger.dropped++;
    }
    this.#sendWaiting();
    return txid;
  }

  /** Breaks the connection as a tunnel does; the vehicle reconnects. */
  cutConnection(): void {
    this.#connection?.terminate();
  }

  /** Stops the model, waits for all acks or the timeout, then stops. Resolves to the number of unacknowledged records. */
  async finish(timeoutMs = 10_000): Promise<number> {
    this.#isAdvancing = false;
    this.#cancelTick();
    this.#cancelSleep();
    if (this.#isRunning && this.#backlog.size > 0) {
      this.#isAwake = true;
      this.#connect();
      await new Promise<void>((resolve) => {
        const cancel = this.#clock.after(timeoutMs, resolve);
        this.#onChange = () => {
          if (this.#backlog.size > 0) return;
          cancel();
          resolve();
        };
      });
      this.#onChange = nothing;
    }
    await this.stop();
    return this.#backlog.size;
  }

  /** Ends the connection and all timers. Keeps unacknowledged records; `start` resends them. */
  async stop(): Promise<void> {
    if (this.#isRunning) this.#pausedMs = this.#clock.now();
    this.#isRunning = false;
    this.#isAdvancing = false;
    this.#cancelTick();
    this.#cancelSleep();
    this.#cancelRetry();
    this.#isRetryScheduled = false;
    await this.#endConnection();
  }

  async #endConnection(): Promise<void> {
    const connection = this.#connection;
    if (connection === undefined) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.after(1_000, () => connection.terminate());
      connection.onClose(() => {
        cancel();
        resolve();
      });
      connection.close();
    });
  }

  #scheduleTick(): void {
    this.#cancelTick = this.#clock.after(Math.max(1, WINDOW_MS / this.#timeScale), () => {
      this.#advanceToNow(this.#model!);
      if (this.#isAdvancing) this.#scheduleTick();
    });
  }

  /** Advances the model by whole windows of scaled time since the last tick, never beyond the real time. */
  #advanceToNow(model: VehicleModel): void {
    const now = this.#clock.now();
    const untilMs = Math.min(now, model.timeMs + this.#elapsedMs(now));
    let windows = 0;
    while (windows++ < MAX_WINDOWS_PER_TICK) {
      const windowMs = nextWindowMs(model, Math.floor((untilMs - model.timeMs) / WINDOW_MS) * WINDOW_MS);
      if (model.timeMs + windowMs > untilMs) break;
      const step = stepVehicleModel(model, windowMs);
      if (step.phase !== this.#phase) {
        this.#phase = step.phase;
        this.#options.onEvent?.({ type: 'phase', phase: step.phase });
      }
      if (step.isAwake !== this.#isAwake) this.#wakeOrSleep(step.isAwake);
      if (step.signals.length > 0) this.send(step.signals, step.timeMs);
    }
    this.#lastTickMs = now - (untilMs - model.timeMs) / this.#timeScale;
  }

  #elapsedMs(now: number): number {
    return (now - this.#lastTickMs) * this.#timeScale;
  }

  #wakeOrSleep(isAwake: boolean): void {
    this.#isAwake = isAwake;
    this.#cancelSleep();
    if (isAwake) {
      this.#connect();
    } else if (this.#backlog.inFlight === 0) {
      this.#connection?.close();
    } else {
      this.#cancelSleep = this.#clock.after(LAST_ACKS_MS, () => this.#connection?.close());
    }
  }

  #connect(): void {
    const server = this.#server;
    if (!this.#isRunning || !this.#isAwake || server === undefined) return;
    if (this.#connection !== undefined || this.#isConnecting || this.#isRetryScheduled) return;
    this.#isConnecting = true;
    const { servername, lookup } = this.#options;
    const connectionId = randomUUID();
    this.#attempt = new AbortController();
    connectVehicle({
      ...server,
      signal: this.#attempt.signal,
      ...(servername === undefined ? {} : { servername }),
      ...(lookup === undefined ? {} : { lookup }),
      headers: {
        Version: this.#version,
        'X-Network-Interface': this.#options.networkInterface ?? 'cellular',
        'X-TXID': connectionId,
      },
    }).then(
      (connection) => this.#opened(connection, { connectionId, server }),
      (error: Error) => this.#connectFailed(error, server),
    );
  }

  #opened(
    connection: VehicleConnection,
    { connectionId, server }: { connectionId: string; server: VehicleServer },
  ): void {
    this.#isConnecting = false;
    this.#attempt = undefined;
    if (!this.#isRunning || !this.#isAwake || server !== this.#server) {
      connection.close();
      this.#connect();
      return;
    }
    this.#connection = connection;
    this.ledger.connections++;
    this.#options.onEvent?.({ type: 'connected', connectionId });
    connection.onAck((txid) => this.#acknowledged(txid));
    connection.onErrorAnswer((txid) => this.#refused(txid));
    this.#sendWaiting();
    connection.onClose((code) => this.#closed(code));
  }

  #connectFailed(error: Error, server: VehicleServer): void {
    this.#isConnecting = false;
    if (server !== this.#server) {
      this.#connect();
      return;
    }
    this.ledger.failedConnections++;
    if (!this.#isRunning || !this.#isAwake) return;
    const retryMs = this.#scheduleRetry();
    this.#options.onEvent?.({ type: 'connect_failed', error, retryMs });
  }

  #closed(code: number): void {
    this.#connection = undefined;
    this.#backlog.connectionLost();
    this.#options.onEvent?.({ type: 'disconnected', code });
    if (this.#isRunning && this.#isAwake) this.#scheduleRetry();
  }

  #scheduleRetry(): number {
    const { minimumMs, maximumMs } = this.#options.reconnect ?? { minimumMs: 1_000, maximumMs: 30_000 };
    const retryMs = Math.min(maximumMs, minimumMs * 2 ** this.#failures++) * (0.5 + this.#jitter() / 2);
    this.#isRetryScheduled = true;
    this.#cancelRetry = this.#clock.after(retryMs, () => {
      this.#isRetryScheduled = false;
      this.#connect();
    });
    return retryMs;
  }

  #sendWaiting(): void {
    const connection = this.#connection;
    while (connection?.isOpen && this.#backlog.inFlight < (this.#options.inFlight ?? 64)) {
      const record = this.#backlog.takeNext();
      if (record === undefined) return;
      const bytes = writeRecordEnvelope({
        txid: record.txid,
        topic: 'V',
        payload: this.#payload(record.signals, record.createdMs, record.entry.sends > 0),
        senderId: `vehicle_device.${this.vin}`,
        deviceType: 'vehicle_device',
        deviceId: this.vin,
        createdAtSeconds: Math.floor(record.createdMs / 1000),
      });
      connection.sendBytes(bytes);
      this.#options.onSend?.(bytes);
      this.ledger.addSend(record.entry, this.#clock.now());
    }
  }

  #payload(signals: Datum[], createdMs: number, isResend: boolean): Buffer {
    const content = { data: signals, createdAt: timestampOf(createdMs), vin: this.vin };
    return encodeMessage('V', isResend ? { ...content, isResend } : content);
  }

  #acknowledged(txid: string): void {
    const record = this.#backlog.settle(txid);
    if (record === undefined) {
      this.ledger.unknownAcks.push(txid);
      return;
    }
    // Only an ack resets the back-off: a server in a crash loop opens connections too.
    this.#failures = 0;
    this.ledger.addAck(record.entry, this.#clock.now());
    this.#settled();
  }

  /** A resend would be refused too. */
  #refused(txid: string): void {
    this.ledger.errorAnswers.push(txid);
    const record = this.#backlog.settle(txid);
    if (record === undefined) return;
    record.entry.isRefused = true;
    this.#settled();
  }

  #settled(): void {
    this.#sendWaiting();
    if (!this.#isAwake && this.#backlog.inFlight === 0) {
      this.#cancelSleep();
      this.#connection?.close();
    }
    this.#onChange();
  }
}

function nothing(): void {}
