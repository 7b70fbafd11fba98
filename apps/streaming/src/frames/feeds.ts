// All vehicles of the log, as feeds. One tail a partition, from the cursor of its snapshots: whoever is asked for is
// then complete with the snapshot alone, and no subscriber costs a scan of the log. Vehicles that have slots are
// followed whether their subscribers are here or at another replica, so that these can come here.
import { randomUUID } from 'node:crypto';
import { BEGINNING, type DecodedRecord, decodeRecord, isAfter, RecordDecodeError } from '@fleetbridge/protocol';
import type { Logger } from '@fleetbridge/service';
import {
  type Checkpoint,
  CheckpointStore,
  ForgottenVehicles,
  type LogEntry,
  LogPages,
  LogTail,
  SlotStore,
  type SlotTimes,
  type SnapshotStore,
  type Store,
} from '@fleetbridge/store';
import { stateFromHash } from '@fleetbridge/vehicle-state';
import type { StreamingCounts } from '../metrics.js';
import { ResumePositions } from '../resume/index.js';
import type { Elevation } from './elevation.js';
import { chooseCheckpoint, FrameHistory } from './frame-history.js';
import { VehicleFeed } from './vehicle-feed.js';

export interface FeedsOptions {
  store: Store;
  snapshots: Pick<SnapshotStore, 'read' | 'cursor'>;
  /** How long a subscriber may be away and be given what it missed. */
  resumeWindowMs: number;
  /** Other times than the defaults, for tests. */
  slotTimes?: Partial<SlotTimes>;
  counts: StreamingCounts;
  log: Logger;
  now: () => number;
  /** Heights for the frames; without it they are empty. */
  elevation?: Pick<Elevation, 'at'> | undefined;
  /** Each entry in the log's order, after its feed; without `decoded` when it could not be read. */
  onEntry?: (partition: number, entry: LogEntry, decoded: DecodedRecord | undefined) => void;
  /** Whether the log can be read, on every change. */
  onReadable: (isReadable: boolean) => void;
}

/** Vehicles whose first subscriber came to another replica are found this soon. */
const LOOK_EVERY_MS = 1_000;
const TIDY_EVERY_MS = 10_000;
/** A checkpoint a good deal older than the window has nothing that anybody may still ask for. */
const CHECKPOINT_SLACK_MS = 600_000;
/** More than Redis' clock and its entry ids are apart. */
const FORGETTING_SLACK_MS = 1_000;
const ENTRIES_A_READ = 1_000;
/** Of a vehicle whose frames don't change; so that a process that starts need not read further back. */
const IDLE_CHECKPOINT_MS = 300_000;

export class Feeds {
  readonly #options: FeedsOptions;
  readonly slots: ResumePositions;
  readonly #slotStore: SlotStore;
  readonly #checkpoints: CheckpointStore;
  readonly #forgotten: ForgottenVehicles;
  /** Vehicles of which this process still holds what was deleted, by when that was. */
  readonly #toForget = new Map<string, number>();
  readonly #pages: LogPages;
  readonly #history: FrameHistory;
  readonly #byVin = new Map<string, VehicleFeed>();
  /** Vehicles that have slots anywhere, as of the last look; with when they were last seen to. */
  readonly #slotted = new Map<string, number>();
  readonly #lastCheckpoint = new Map<string, { atMs: number; frame: string | undefined }>();
  #tails: LogTail[] = [];
  /** By partition: the last entry that has been dealt with. */
  #readUpTo: string[] = [];
  #lookTimer: NodeJS.Timeout | undefined;
  #tidyTimer: NodeJS.Timeout | undefined;

  constructor(options: FeedsOptions) {
    this.#options = options;
    const { store, resumeWindowMs: windowMs, counts, log } = options;
    this.#slotStore = new SlotStore({
      store,
      windowMs,
      processId: randomUUID(),
      times: options.slotTimes ?? {},
    });
    this.#checkpoints = new CheckpointStore({ store, windowMs });
    this.#forgotten = new ForgottenVehicles(store);
    this.slots = new ResumePositions({ store: this.#slotStore, partitions: store.partitions, counts, log });
    this.#pages = new LogPages(store);
    this.#history = new FrameHistory({
      pages: this.#pages,
      store,
      windowMs,
      readUpTo: (partition) => this.cursor(partition),
    });
  }

  /** Resolves when the feeds are at the present, and have the past that subscribers may ask for. */
  async start(): Promise<void> {
    const { store, snapshots } = this.#options;
    // what was forgotten before is in nothing that is read from here on
    await this.#forgotten.among(() => []);
    const cursors = await store.eachPartition(({ partition }) => snapshots.cursor(partition));
    this.#readUpTo = [...cursors];
    this.#tails = cursors.map((from, partition) => this.#tail(partition, from));
    for (const tail of this.#tails) tail.start();
    // nobody is told of a past that the log has already moved on from
    await Promise.all(this.#tails.map((tail) => tail.caughtUp));
    this.slots.start();
    await this.#slotStore.removeDeadProcesses().catch(() => {});
    await this.#look();
    this.#lookTimer = setInterval(() => void this.#look(), LOOK_EVERY_MS);
    this.#tidyTimer = setInterval(() => this.#tidy(), TIDY_EVERY_MS);
  }

  /** How far a partition has been read. */
  cursor(partition: number): string {
    return this.#readUpTo[partition] ?? BEGINNING;
  }

  async stop(): Promise<void> {
    clearInterval(this.#lookTimer);
    clearInterval(this.#tidyTimer);
    await this.slots.stop();
    await Promise.all(this.#tails.map((tail) => tail.stop()));
    for (const feed of this.#byVin.values()) feed.stop();
  }

  /** The vehicles that somebody has asked for, or that the log has told of since the start. */
  get vins(): string[] {
    return [...this.#byVin.keys()];
  }

  /** The feed of a VIN, known or not. */
  of(vin: string): VehicleFeed {
    const known = this.#byVin.get(vin);
    if (known) return known;
    const { now, snapshots, store, resumeWindowMs } = this.#options;
    const partition = store.partitionOf(vin);
    const feed = new VehicleFeed({
      now,
      windowMs: resumeWindowMs,
      elevation: this.#options.elevation,
      loadSnapshot: async () => stateFromHash((await snapshots.read(vin)).hash).state,
      readUpTo: () => this.cursor(partition),
      findCheckpoint: (first) => this.#findCheckpoint(vin, first),
      rebuild: (checkpoint, takeOver) => this.#history.rebuild(vin, checkpoint, takeOver),
    });
    this.#byVin.set(vin, feed);
    return feed;
  }

  #tail(partition: number, from: string): LogTail {
    const { store, log, counts, onReadable } = this.#options;
    return new LogTail({
      store,
      partition,
      from,
      name: 'fleetbridge-streaming',
      onEntry: (entry) => this.#entry(partition, entry),
      onSkipped: ({ entry, error }) => {
        counts.skippedEntries++;
        log.error({ err: error, partition, entry: entry.id, vin: entry.vin, topic: entry.topic }, 'entry_skipped');
      },
      onGap: (gap) => {
        counts.gaps++;
        log.error({ partition, ...gap }, 'streaming_gap');
      },
      onTrouble: (err) => {
        onReadable(false);
        log.warn({ err, partition }, 'log_unreadable');
      },
      onRecovered: () => {
        onReadable(!this.#tails.some(({ isInTrouble }) => isInTrouble));
        log.info({ partition }, 'log_readable');
      },
    });
  }

  #entry(partition: number, entry: LogEntry): void {
    const { counts, onEntry, now } = this.#options;
    counts.records++;
    const decoded = this.#decode(entry);
    try {
      if (decoded) {
        const feed = this.of(entry.vin);
        feed.record(entry, decoded);
        if (feed.subscribers > 0) counts.observeLatency(Math.max(0, now() - entry.receivedMs) / 1000);
      }
    } finally {
      // Also when the feed can't process the entry: the clients of raw records still receive it.
      this.#readUpTo[partition] = entry.id;
      onEntry?.(partition, entry, decoded);
    }
  }

  #decode(entry: LogEntry): DecodedRecord | undefined {
    const { counts, log } = this.#options;
    try {
      return decodeRecord(entry.topic, entry.payload);
    } catch (error) {
      if (!(error instanceof RecordDecodeError)) throw error;
      counts.undecodable++;
      log.warn({ entry: entry.id, vin: entry.vin, topic: entry.topic }, 'record_undecodable');
      return undefined;
    }
  }

  async #findCheckpoint(vin: string, first: Checkpoint): Promise<Checkpoint | undefined> {
    const { now, resumeWindowMs } = this.#options;
    const cursors = await this.#slotStore.cursors(vin);
    if (cursors.length === 0) {
      // nobody may come back to it, nobody else follows it: the past does not matter
      await this.#checkpoints.add(vin, first);
      return undefined;
    }
    const checkpoints = await this.#checkpoints.begin(vin, first);
    return chooseCheckpoint(checkpoints, { cursors, oldestMs: now() - resumeWindowMs - CHECKPOINT_SLACK_MS });
  }

  /** Follows the vehicles that have slots. What fails now is tried again at the next look. */
  async #look(): Promise<void> {
    const { store, now, log } = this.#options;
    try {
      for (const { vin, atMs } of await this.#forgotten.among(() => this.#byVin.keys())) this.#toForget.set(vin, atMs);
      await Promise.all([...this.#toForget].map(([vin, atMs]) => this.#forget(vin, atMs)));
      const lists = await store.eachPartition(({ partition }) => this.#slotStore.vins(partition));
      for (const vin of lists.flat()) this.#slotted.set(vin, now());
      await Promise.all(lists.flat().map((vin) => this.of(vin).framesReady()));
    } catch (err) {
      log.debug({ err }, 'slots_unreadable');
    }
  }

  /**
   * The owner has had all of it deleted: nothing of it stays here, and no checkpoint is written from it. A vehicle that
   * may come back can have done so before we look, and what it has sent since is in no snapshot yet: that is read again.
   */
  async #forget(vin: string, atMs: number): Promise<void> {
    const feed = this.#byVin.get(vin);
    if (feed === undefined || feed.isUnknown) {
      this.#toForget.delete(vin);
      return;
    }
    const since: { entry: LogEntry; decoded: DecodedRecord }[] = [];
    const partition = this.#options.store.partitionOf(vin);
    let after = `${Math.max(0, atMs - FORGETTING_SLACK_MS)}-0`;
    for (let end = this.cursor(partition); isAfter(end, after); end = this.cursor(partition)) {
      const entries = await this.#pages.after(partition, after, ENTRIES_A_READ);
      const seen = this.cursor(partition);
      if (entries.length === 0) after = end;
      for (const entry of entries) {
        // what the tail has not brought yet it will bring, to the new feed
        after = isAfter(entry.id, seen) ? seen : entry.id;
        if (after !== entry.id) break;
        const decoded = entry.vin === vin ? decodedOf(entry) : undefined;
        if (decoded) since.push({ entry, decoded });
      }
    }
    // another look may have been quicker
    if (this.#byVin.get(vin) !== feed || this.#toForget.get(vin) !== atMs) return;
    this.#toForget.delete(vin);
    this.#byVin.delete(vin);
    this.#slotted.delete(vin);
    this.#lastCheckpoint.delete(vin);
    feed.forgotten();
    for (const { entry, decoded } of since) this.of(vin).record(entry, decoded);
    this.#options.log.info({ vin }, 'vehicle_forgotten');
  }

  #tidy(): void {
    const { now } = this.#options;
    for (const [vin, feed] of this.#byVin) {
      if (!feed.isTracked) {
        if (feed.isUnknown && feed.subscribers === 0) this.#byVin.delete(vin);
        continue;
      }
      const isFollowed = feed.subscribers > 0 || (this.#slotted.get(vin) ?? 0) > now() - TIDY_EVERY_MS;
      if (isFollowed) {
        feed.recentFrames();
        this.#keepCheckpoint(vin, feed);
      } else {
        feed.stopTracking();
        this.#slotted.delete(vin);
        this.#lastCheckpoint.delete(vin);
      }
    }
  }

  /** Often enough that a process which starts has a short way from one to what it needs. */
  #keepCheckpoint(vin: string, feed: VehicleFeed): void {
    const { now, log } = this.#options;
    if (feed.isUnknown) return;
    const frame = feed.present?.entryId;
    const last = this.#lastCheckpoint.get(vin);
    const ageMs = last === undefined ? Number.POSITIVE_INFINITY : now() - last.atMs;
    if (ageMs < (frame === last?.frame ? IDLE_CHECKPOINT_MS : this.#checkpoints.spacingMs)) return;
    const checkpoint = feed.checkpoint();
    if (!checkpoint || !isAfter(checkpoint.entryId, BEGINNING)) return;
    this.#lastCheckpoint.set(vin, { atMs: now(), frame });
    this.#checkpoints.add(vin, checkpoint).catch((err) => log.debug({ err, vin }, 'checkpoint_not_kept'));
  }
}

/** undefined also for what can't be read: the tail has counted and told it. */
function decodedOf(entry: LogEntry): DecodedRecord | undefined {
  try {
    return decodeRecord(entry.topic, entry.payload);
  } catch (error) {
    if (!(error instanceof RecordDecodeError)) throw error;
    return undefined;
  }
}
