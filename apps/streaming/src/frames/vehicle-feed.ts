// One vehicle as its subscribers receive it: the frames of its records in order, the recent frames for subscribers that
// reconnect, and whether the vehicle is online. Records of the tail are merged from the start. The snapshot is added at
// the first request; merging is independent of the order, so the two together are the exact present. Frames are made
// while the vehicle has a subscriber in any process.
import { BEGINNING, entryMs, isAfter } from '@fleetbridge/protocol';
import type { Checkpoint, LogEntry } from '@fleetbridge/store';
import {
  emptyState,
  mergeRecord,
  mergeStates,
  newestReadingMs,
  onlineUntilMs,
  type StatusTimes,
  type VehicleRecord,
  type VehicleState,
} from '@fleetbridge/vehicle-state';
import type { Elevation } from './elevation.js';
import { asAsleep, createFrame, type Frame } from './frame.js';
import { builderFromState, type FrameBuilder } from './frame-builder.js';
import { FrameMessages } from './frame-messages.js';
import type { FrameRing } from './frame-ring.js';
import { OfflineTime } from './offline-time.js';

/** A vehicle that is offline and has sent nothing for longer may have no telemetry configuration any more. */
const ASLEEP_MS = 24 * 3_600_000;
/** The same for one whose subscriber keeps asking: TeslaMate asks only while Tesla's API calls the vehicle online. */
const ASLEEP_SUBSCRIBED_MS = 600_000;

function longestPresenceMs({ offlineAfterMs, driveGraceMs, presentMs }: StatusTimes): number {
  return Math.max(offlineAfterMs, driveGraceMs, presentMs);
}

export interface FeedListener {
  frame(frame: Frame): void;
  /** The vehicle has disconnected. */
  offline(): void;
  /** The vehicle has reconnected. */
  online(): void;
  /** The vehicle's data was deleted; the feed has ended. */
  forgotten(): void;
  /** One of the other callbacks has thrown. */
  failed(error: unknown): void;
}

export interface FeedOptions {
  now: () => number;
  /** Milliseconds of a clock that can't be set. */
  monotonicNow: () => number;
  /** When a vehicle goes offline; the same in REST. */
  times: StatusTimes;
  windowMs: number;
  elevation?: Pick<Elevation, 'at'> | undefined;
  /** Reads the vehicle's snapshot. */
  loadSnapshot: () => Promise<VehicleState>;
  /** The last entry of this vehicle's partition that was handled. */
  readUpTo: () => string;
  /** The checkpoint from which to rebuild frames; undefined: no other process has one, and `first` becomes the first. */
  findCheckpoint: (first: Checkpoint) => Promise<Checkpoint | undefined>;
  /** Calls `takeOver` with the builder that follows from a checkpoint, in a turn in which it is complete. */
  rebuild: (checkpoint: Checkpoint, takeOver: (builder: FrameBuilder) => void) => Promise<void>;
}

export class VehicleFeed {
  readonly #options: FeedOptions;
  readonly messages: FrameMessages;
  /** The state, while there is no builder. */
  #state: VehicleState = emptyState();
  #builder: FrameBuilder | undefined;
  #loading: Promise<void> | undefined;
  #tracking: Promise<void> | undefined;
  #isLoaded = false;
  #isTracked = false;
  readonly #listeners = new Set<FeedListener>();
  /** The last record that is not about connectivity; in the snapshot, the last with a reading. */
  #lastRecordId: string | undefined;
  #isOnline = false;
  readonly #offlineTime: OfflineTime;
  /** When the vehicle stops being online: by its records, and by the monotonic clock. */
  #untilMs = Number.NaN;
  #deadlineMs = 0;
  #presenceTimer: NodeJS.Timeout | undefined;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.messages = new FrameMessages(options.elevation);
    this.#offlineTime = new OfflineTime(options.monotonicNow);
  }

  /**
   * Connected, or disconnected a moment ago, or in the last two minutes in a drive. Without a connectivity record, or with
   * a disconnect before the last record (Google Pub/Sub without the topic connectivity): has sent a record in the last two
   * minutes. Valid once `ready` has resolved.
   */
  get isOnline(): boolean {
    return this.#isOnline;
  }

  /** The state of the vehicle, complete once `ready` has resolved. Read-only. */
  get state(): Readonly<VehicleState> {
    return this.#builder?.state ?? this.#state;
  }

  /** The last frame, once `framesReady` has resolved; undefined until a location is known. */
  get present(): Frame | undefined {
    return this.#builder?.present;
  }

  /**
   * The frame at the time of the vehicle's newest record, which need not have changed a column: TeslaMate ignores a frame
   * that is older than what REST has.
   */
  atNewestRecord(frame: Frame): Frame {
    const newestMs = Math.min(newestReadingMs(this.state) ?? 0, this.#options.now());
    return newestMs > frame.timeMs ? { ...frame, timeMs: Math.trunc(newestMs) } : frame;
  }

  /**
   * For a subscriber of an offline vehicle that is probably asleep: TeslaMate then waits and does not wake the vehicle by
   * a fetch. undefined: the vehicle may be awake without telemetry, and only a fetch can show it.
   */
  asleepFrame(): Frame | undefined {
    const { connectivity } = this.state;
    const receivedMs = Math.max(entryMs(this.#lastRecordId ?? BEGINNING), entryMs(connectivity?.entryId ?? BEGINNING));
    const isRecent = receivedMs > this.#options.now() - ASLEEP_MS;
    if (this.#isOnline || !isRecent || this.#offlineTime.ms >= ASLEEP_SUBSCRIBED_MS) return undefined;
    const frame =
      this.present ?? createFrame(this.readUpTo, { timeMs: Math.trunc(connectivity?.timeMs ?? 0), values: {} });
    return asAsleep(this.atNewestRecord(frame));
  }

  /** The frames of the resume window. Call only after `framesReady`. */
  recentFrames(): FrameRing {
    const { ring } = this.#builder!;
    ring.evictBefore(this.#options.now() - this.#options.windowMs);
    return ring;
  }

  get readUpTo(): string {
    return this.#options.readUpTo();
  }

  /** No record of it exists: perhaps a client made up the VIN. */
  get isUnknown(): boolean {
    return this.state.readings.size === 0 && this.state.connectivity === undefined;
  }

  get subscribers(): number {
    return this.#listeners.size;
  }

  /** Resolves when the snapshot has been added. Rejects when Redis does not answer, and can be called again. */
  ready(): Promise<void> {
    this.#loading ??= this.#load().catch((error) => {
      this.#loading = undefined;
      throw error;
    });
    return this.#loading;
  }

  /** Resolves when the frames are the same as in every other process. Otherwise as `ready`. */
  framesReady(): Promise<void> {
    this.#tracking ??= this.#startTracking().catch((error) => {
      this.#tracking = undefined;
      throw error;
    });
    return this.#tracking;
  }

  /** Frames are made and kept. */
  get isTracked(): boolean {
    return this.#isTracked;
  }

  /** Makes no more frames until `framesReady` is called again. */
  stopTracking(): void {
    this.#state = this.state;
    this.#builder = undefined;
    this.#tracking = undefined;
    this.#isTracked = false;
  }

  listen(listener: FeedListener): void {
    this.#listeners.add(listener);
    this.#updateOfflineTime();
  }

  leave(listener: FeedListener): void {
    this.#listeners.delete(listener);
    this.#updateOfflineTime();
  }

  /** Handles the next record of this vehicle in the log's order. */
  record(entry: LogEntry, decoded: VehicleRecord['decoded']): void {
    let frame: Frame | undefined;
    if (this.#builder) frame = this.#builder.record(entry, decoded);
    else mergeRecord(this.#state, { entryId: entry.id, timeMs: entry.createdMs, decoded });
    if (decoded.topic !== 'connectivity') this.#received(entry.id);
    // otherwise the timer checks when the last record was
    const canChange = decoded.topic === 'connectivity' || !this.#isOnline;
    if (canChange && this.#isLoaded) this.#updatePresence();
    if (frame) this.#notify((listener) => listener.frame(frame));
  }

  /** undefined while no frames are made. */
  checkpoint(): Checkpoint | undefined {
    return this.#isTracked ? this.#builder?.checkpoint(this.#options.readUpTo()) : undefined;
  }

  stop(): void {
    clearTimeout(this.#presenceTimer);
  }

  forgotten(): void {
    this.stop();
    this.#notify((listener) => listener.forgotten());
  }

  async #load(): Promise<void> {
    const snapshot = await this.#options.loadSnapshot();
    this.#state = mergeStates(snapshot, this.#state);
    for (const { entryId } of snapshot.readings.values()) this.#received(entryId);
    this.#isLoaded = true;
    this.#updatePresence();
  }

  async #startTracking(): Promise<void> {
    const { windowMs, readUpTo, findCheckpoint, rebuild } = this.#options;
    await this.ready();
    const builder = builderFromState(this.state, readUpTo(), windowMs);
    this.#builder = builder;
    const checkpoint = await findCheckpoint(builder.checkpoint(readUpTo()));
    if (checkpoint) {
      await rebuild(checkpoint, (rebuilt) => {
        rebuilt.addState(this.state);
        this.#builder = rebuilt;
      });
    }
    this.#isTracked = true;
  }

  #received(entryId: string): void {
    if (this.#lastRecordId === undefined || isAfter(entryId, this.#lastRecordId)) this.#lastRecordId = entryId;
  }

  #updatePresence(): void {
    clearTimeout(this.#presenceTimer);
    const leftMs = this.#onlineForMs();
    this.#setOnline(leftMs > 0);
    if (leftMs > 0 && leftMs < Number.POSITIVE_INFINITY) {
      this.#presenceTimer = setTimeout(() => this.#updatePresence(), leftMs);
    }
  }

  /** A clock that is set back afterwards does not prolong it. */
  #onlineForMs(): number {
    const { now, monotonicNow, times } = this.#options;
    const untilMs = onlineUntilMs(this.state, { times, lastRecordId: this.#lastRecordId });
    if (untilMs !== this.#untilMs) {
      this.#untilMs = untilMs;
      const isUnlimited = untilMs === Number.POSITIVE_INFINITY;
      this.#deadlineMs = isUnlimited ? untilMs : monotonicNow() + Math.min(untilMs - now(), longestPresenceMs(times));
    }
    return this.#deadlineMs - monotonicNow();
  }

  #setOnline(isOnline: boolean): void {
    if (this.#isOnline === isOnline) return;
    this.#isOnline = isOnline;
    this.#updateOfflineTime();
    this.#notify((listener) => (isOnline ? listener.online() : listener.offline()));
  }

  #updateOfflineTime(): void {
    this.#offlineTime.update({ isOnline: this.#isOnline, isSubscribed: this.#listeners.size > 0 });
  }

  /** An exception in one listener must not affect the others, nor the tail. */
  #notify(call: (listener: FeedListener) => void): void {
    for (const listener of this.#listeners) {
      try {
        call(listener);
      } catch (error) {
        listener.failed(error);
      }
    }
  }
}
