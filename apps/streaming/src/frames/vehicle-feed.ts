// One vehicle as its subscribers hear it: the frames of its records in order, the recent ones for who comes back, and
// whether it is there. What the tail brings is merged from the start; the snapshot is added when somebody first asks, so
// that the two together are the exact present (both merges are the same whatever their order). Frames are made while
// somebody follows the vehicle, here or through another process.
import type { Checkpoint, LogEntry } from '@fleetbridge/store';
import {
  emptyState,
  mergeRecord,
  mergeStates,
  shownShift,
  type VehicleRecord,
  type VehicleState,
} from '@fleetbridge/vehicle-state';
import type { Elevation } from './elevation.js';
import type { Frame } from './frame.js';
import { type FrameBuilder, trackFromState } from './frame-builder.js';
import { FrameMessages } from './frame-messages.js';
import type { FrameRing } from './frame-ring.js';

/** A vehicle that vanishes in a drive is in a tunnel or a garage, most likely. */
export const DRIVE_GRACE_MS = 120_000;

export interface FeedListener {
  frame(frame: Frame): void;
  /** The vehicle is gone. */
  offline(): void;
  /** The vehicle is back. */
  online(): void;
  /** Its data was deleted: there is nothing to listen to any more. */
  forgotten(): void;
  /** One of the others threw. */
  failed(error: unknown): void;
}

export interface FeedOptions {
  now: () => number;
  windowMs: number;
  elevation?: Pick<Elevation, 'at'> | undefined;
  /** Reads the vehicle's snapshot. */
  loadSnapshot: () => Promise<VehicleState>;
  /** The last entry of this vehicle's partition that `record` has been called for, if it was this vehicle's. */
  readUpTo: () => string;
  /** Where the other processes began with this vehicle; undefined: nobody has, and `first` is what all begin with. */
  findCheckpoint: (first: Checkpoint) => Promise<Checkpoint | undefined>;
  /** Calls back with all that follows from a checkpoint, in a turn in which it is complete. */
  rebuild: (checkpoint: Checkpoint, takeOver: (track: FrameBuilder) => void) => Promise<void>;
}

export class VehicleFeed {
  readonly #options: FeedOptions;
  readonly messages: FrameMessages;
  /** All that is known, while no track has it. */
  #state: VehicleState = emptyState();
  #track: FrameBuilder | undefined;
  #loading: Promise<void> | undefined;
  #tracking: Promise<void> | undefined;
  #isLoaded = false;
  #isTracked = false;
  readonly #listeners = new Set<FeedListener>();
  #isOnline = false;
  #graceTimer: NodeJS.Timeout | undefined;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.messages = new FrameMessages(options.elevation);
  }

  /** Connected, or gone in mid-drive for less than the grace. Known once `ready` has resolved. */
  get isOnline(): boolean {
    return this.#isOnline;
  }

  /** All that is known of the vehicle, once `ready` has resolved. Not to be changed. */
  get state(): Readonly<VehicleState> {
    return this.#track?.state ?? this.#state;
  }

  /** The present frame, once `framesReady` has resolved; undefined until a location is known. */
  get present(): Frame | undefined {
    return this.#track?.present;
  }

  /** The frames of the window. Only after `framesReady`. */
  recentFrames(): FrameRing {
    const { ring } = this.#track!;
    ring.evictBefore(this.#options.now() - this.#options.windowMs);
    return ring;
  }

  get readUpTo(): string {
    return this.#options.readUpTo();
  }

  /** Nothing was ever heard of it: a tag that some client made up, perhaps. */
  get isUnknown(): boolean {
    return this.state.readings.size === 0 && this.state.connectivity === undefined;
  }

  get subscribers(): number {
    return this.#listeners.size;
  }

  /** Resolves when the snapshot has been added. Throws when Redis does not answer; may be called again. */
  ready(): Promise<void> {
    this.#loading ??= this.#load().catch((error) => {
      this.#loading = undefined;
      throw error;
    });
    return this.#loading;
  }

  /** Resolves when `present` and `ring` are the same as in every other process. Otherwise as `ready`. */
  framesReady(): Promise<void> {
    this.#tracking ??= this.#beginTrack().catch((error) => {
      this.#tracking = undefined;
      throw error;
    });
    return this.#tracking;
  }

  /** Frames are made, and kept. */
  get isTracked(): boolean {
    return this.#isTracked;
  }

  /** No frames any more, until `framesReady` is called again. */
  stopTracking(): void {
    this.#state = this.state;
    this.#track = undefined;
    this.#tracking = undefined;
    this.#isTracked = false;
  }

  listen(listener: FeedListener): void {
    this.#listeners.add(listener);
  }

  leave(listener: FeedListener): void {
    this.#listeners.delete(listener);
  }

  /** The next record of this vehicle, in the log's order. */
  record(entry: LogEntry, decoded: VehicleRecord['decoded']): void {
    let frame: Frame | undefined;
    if (this.#track) frame = this.#track.record(entry, decoded);
    else mergeRecord(this.#state, { entryId: entry.id, timeMs: entry.createdMs, decoded });
    if (decoded.topic === 'connectivity' && this.#isLoaded) this.#judgePresence();
    if (frame) this.#tell((listener) => listener.frame(frame));
  }

  /** undefined while there is nothing to begin with. */
  checkpoint(): Checkpoint | undefined {
    return this.#isTracked ? this.#track?.checkpoint(this.#options.readUpTo()) : undefined;
  }

  stop(): void {
    clearTimeout(this.#graceTimer);
  }

  forgotten(): void {
    this.stop();
    this.#tell((listener) => listener.forgotten());
  }

  async #load(): Promise<void> {
    const snapshot = await this.#options.loadSnapshot();
    this.#state = mergeStates(snapshot, this.#state);
    this.#isLoaded = true;
    this.#judgePresence();
  }

  async #beginTrack(): Promise<void> {
    const { windowMs, readUpTo, findCheckpoint, rebuild } = this.#options;
    await this.ready();
    const track = trackFromState(this.state, readUpTo(), windowMs);
    this.#track = track;
    const checkpoint = await findCheckpoint(track.checkpoint(readUpTo()));
    if (checkpoint) {
      await rebuild(checkpoint, (rebuilt) => {
        rebuilt.learn(this.state);
        this.#track = rebuilt;
      });
    }
    this.#isTracked = true;
  }

  #judgePresence(): void {
    clearTimeout(this.#graceTimer);
    const { connectivity } = this.state;
    if (connectivity?.isConnected) {
      this.#setOnline(true);
      return;
    }
    const shift = shownShift(this.state);
    const isInDrive = shift !== undefined && shift !== 'P';
    const graceMs = isInDrive && connectivity ? connectivity.timeMs + DRIVE_GRACE_MS - this.#options.now() : 0;
    this.#setOnline(graceMs > 0);
    if (graceMs > 0) this.#graceTimer = setTimeout(() => this.#judgePresence(), graceMs);
  }

  #setOnline(isOnline: boolean): void {
    if (this.#isOnline === isOnline) return;
    this.#isOnline = isOnline;
    this.#tell((listener) => (isOnline ? listener.online() : listener.offline()));
  }

  /** What one subscriber stumbles over harms no other, nor the reading of the log. */
  #tell(say: (listener: FeedListener) => void): void {
    for (const listener of this.#listeners) {
      try {
        say(listener);
      } catch (error) {
        listener.failed(error);
      }
    }
  }
}
