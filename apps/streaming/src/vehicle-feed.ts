// One vehicle as its subscribers hear it: the frames of its records in order, and whether it is there. What the tail
// brings is merged from the start; the snapshot is added when somebody first asks, so that the two together are the
// exact present (both merges are the same whatever their order).
import type { LogEntry } from '@fleetbridge/record-log';
import {
  emptyState,
  type FrameRow,
  FrameSequence,
  mergeRecord,
  mergeStates,
  newestReadingMs,
  shownShift,
  toFrameRow,
  type VehicleRecord,
  type VehicleState,
} from '@fleetbridge/vehicle-state';

/** A vehicle that vanishes in a drive is in a tunnel or a garage, most likely. */
export const DRIVE_GRACE_MS = 120_000;

export interface FeedListener {
  frame(row: FrameRow): void;
  /** The vehicle is gone. */
  offline(): void;
  /** The vehicle is back. */
  online(): void;
}

export interface FeedOptions {
  now: () => number;
  /** Reads the vehicle's snapshot. */
  loadSnapshot: () => Promise<VehicleState>;
}

export class VehicleFeed {
  readonly #options: FeedOptions;
  #state: VehicleState = emptyState();
  #sequence: FrameSequence | undefined;
  #loading: Promise<void> | undefined;
  readonly #listeners = new Set<FeedListener>();
  #isOnline = false;
  #graceTimer: NodeJS.Timeout | undefined;

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  /** Connected, or gone in mid-drive for less than the grace. Known once `ready` has resolved. */
  get isOnline(): boolean {
    return this.#isOnline;
  }

  /** The present frame; undefined until a location is known. */
  get present(): FrameRow | undefined {
    return this.#sequence?.last;
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

  listen(listener: FeedListener): void {
    this.#listeners.add(listener);
  }

  leave(listener: FeedListener): void {
    this.#listeners.delete(listener);
  }

  /** The next record of this vehicle, in the log's order. */
  record(entry: LogEntry, decoded: VehicleRecord['decoded']): void {
    const record = { entryId: entry.id, timeMs: entry.createdMs, decoded };
    mergeRecord(this.#state, record);
    if (this.#sequence === undefined) return;
    if (decoded.topic === 'connectivity') this.#judgePresence();
    const row = this.#sequence.next(this.#state, record);
    if (row) for (const listener of this.#listeners) listener.frame(row);
  }

  stop(): void {
    clearTimeout(this.#graceTimer);
  }

  async #load(): Promise<void> {
    const snapshot = await this.#options.loadSnapshot();
    this.#state = mergeStates(snapshot, this.#state);
    const newestMs = newestReadingMs(this.#state);
    this.#sequence = new FrameSequence(newestMs === undefined ? undefined : toFrameRow(this.#state, newestMs));
    this.#judgePresence();
  }

  #judgePresence(): void {
    clearTimeout(this.#graceTimer);
    const { connectivity } = this.#state;
    if (connectivity?.isConnected) {
      this.#setOnline(true);
      return;
    }
    const shift = shownShift(this.#state);
    const isInDrive = shift !== undefined && shift !== 'P';
    const graceMs = isInDrive && connectivity ? connectivity.timeMs + DRIVE_GRACE_MS - this.#options.now() : 0;
    this.#setOnline(graceMs > 0);
    if (graceMs > 0) this.#graceTimer = setTimeout(() => this.#judgePresence(), graceMs);
  }

  #setOnline(isOnline: boolean): void {
    if (this.#isOnline === isOnline) return;
    this.#isOnline = isOnline;
    for (const listener of this.#listeners) {
      if (isOnline) listener.online();
      else listener.offline();
    }
  }
}
