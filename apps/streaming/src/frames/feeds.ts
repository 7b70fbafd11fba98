// The feeds of all vehicles, fed by one tail per partition that begins at the cursor of the snapshots: a vehicle is then
// complete with its snapshot alone, and no subscriber costs a scan of the log. A vehicle with a slot is followed even if
// its subscriber is connected to another replica, so that the subscriber can continue here.
import { randomUUID } from 'node:crypto';
import { BEGINNING, type DecodedRecord, decodeRecord, RecordDecodeError } from '@fleetbridge/protocol';
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
import { CheckpointSchedule } from './checkpoint-schedule.js';
import { DeletedVehicles, type RecordSince } from './deleted-vehicles.js';
import type { Elevation } from './elevation.js';
import { chooseCheckpoint, FrameHistory } from './frame-history.js';
import { VehicleFeed } from './vehicle-feed.js';

export interface FeedsOptions {
  store: Store;
  snapshots: Pick<SnapshotStore, 'read' | 'cursor'>;
  /** How long after its disconnect a subscriber is replayed what it missed. */
  resumeWindowMs: number;
  /** Other times than the defaults, for tests. */
  slotTimes?: Partial<SlotTimes>;
  counts: StreamingCounts;
  log: Logger;
  now: () => number;
  /** Milliseconds of a clock that can't be set. */
  monotonicNow: () => number;
  /** Elevations for the frames; without it the column is empty. */
  elevation?: Pick<Elevation, 'at'> | undefined;
  /** Called for each entry in the log's order, after the feed; without `decoded` if the entry is undecodable. */
  onEntry?: (partition: number, entry: LogEntry, decoded: DecodedRecord | undefined) => void;
  /** Called when the log becomes readable or unreadable. */
  onReadable: (isReadable: boolean) => void;
}

/** A vehicle whose first subscriber connects to another replica is followed here after this time. */
const CHECK_EVERY_MS = 1_000;
const CLEANUP_EVERY_MS = 10_000;
/** A checkpoint that is older than the window by this much holds nothing that a subscriber can still resume from. */
const CHECKPOINT_SLACK_MS = 600_000;

export class Feeds {
  readonly #options: FeedsOptions;
  readonly slots: ResumePositions;
  readonly #slotStore: SlotStore;
  readonly #checkpoints: CheckpointStore;
  readonly #checkpointSchedule: CheckpointSchedule;
  readonly #deleted: DeletedVehicles;
  readonly #history: FrameHistory;
  readonly #byVin = new Map<string, VehicleFeed>();
  /** Vehicles with slots in any process, and when the slot was last found. */
  readonly #slotted = new Map<string, number>();
  #tails: LogTail[] = [];
  /** By partition: the last entry that was handled. */
  #readUpTo: string[] = [];
  #checkTimer: NodeJS.Timeout | undefined;
  #cleanupTimer: NodeJS.Timeout | undefined;

  constructor(options: FeedsOptions) {
    this.#options = options;
    const { store, resumeWindowMs: windowMs, counts, log } = options;
    this.#slotStore = new SlotStore({
      store,
      windowMs,
      processId: randomUUID(),
      times: options.slotTimes ?? {},
    });
    this.slots = new ResumePositions({ store: this.#slotStore, partitions: store.partitions, counts, log });
    this.#checkpoints = new CheckpointStore({ store, windowMs });
    this.#checkpointSchedule = new CheckpointSchedule({
      checkpoints: this.#checkpoints,
      monotonicNow: options.monotonicNow,
      log,
    });
    const pages = new LogPages(store);
    const readUpTo = (partition: number) => this.cursor(partition);
    this.#history = new FrameHistory({ pages, store, windowMs, readUpTo });
    this.#deleted = new DeletedVehicles({
      forgotten: new ForgottenVehicles(store),
      pages,
      store,
      readUpTo,
      feeds: this.#byVin,
      replaceFeed: (vin, records) => this.#replaceFeed(vin, records),
    });
  }

  /** Resolves when the feeds are up to date and have the frames from which subscribers can resume. */
  async start(): Promise<void> {
    const { store, snapshots } = this.#options;
    await this.#deleted.start();
    const cursors = await store.eachPartition(({ partition }) => snapshots.cursor(partition));
    this.#readUpTo = [...cursors];
    this.#tails = cursors.map((from, partition) => this.#tail(partition, from));
    for (const tail of this.#tails) tail.start();
    // no client is sent a state that the log has already superseded
    await Promise.all(this.#tails.map((tail) => tail.caughtUp));
    this.slots.start();
    await this.#slotStore.removeDeadProcesses().catch(() => {});
    await this.#check();
    this.#checkTimer = setInterval(() => void this.#check(), CHECK_EVERY_MS);
    this.#cleanupTimer = setInterval(() => this.#cleanup(), CLEANUP_EVERY_MS);
  }

  /**
   * Begins again with the first entry of a log that has replaced the former one. Its vehicles are unknown until they
   * have a record. Resolves at the end of the log.
   */
  async restart(): Promise<void> {
    for (const [vin, feed] of this.#byVin) {
      this.#checkpointSchedule.remove(vin);
      feed.forgotten();
    }
    this.#byVin.clear();
    this.#slotted.clear();
    this.#readUpTo = this.#readUpTo.map(() => BEGINNING);
    for (const tail of this.#tails) tail.restart();
    await Promise.all(this.#tails.map((tail) => tail.caughtUp));
  }

  /** The last entry of a partition that was handled. */
  cursor(partition: number): string {
    return this.#readUpTo[partition] ?? BEGINNING;
  }

  async stop(): Promise<void> {
    clearInterval(this.#checkTimer);
    clearInterval(this.#cleanupTimer);
    await this.slots.stop();
    await Promise.all(this.#tails.map((tail) => tail.stop()));
    for (const feed of this.#byVin.values()) feed.stop();
  }

  /** The vehicles that a client has asked for or that have had a record since the start. */
  get vins(): string[] {
    return [...this.#byVin.keys()];
  }

  /** The feed of a VIN, known or not. */
  of(vin: string): VehicleFeed {
    const known = this.#byVin.get(vin);
    if (known) return known;
    const { now, monotonicNow, snapshots, store, resumeWindowMs } = this.#options;
    const partition = store.partitionOf(vin);
    const feed = new VehicleFeed({
      now,
      monotonicNow,
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
      // no subscriber can resume and no other process follows the vehicle: earlier frames are not needed
      await this.#checkpoints.add(vin, first);
      return undefined;
    }
    const checkpoints = await this.#checkpoints.begin(vin, first);
    return chooseCheckpoint(checkpoints, { cursors, oldestMs: now() - resumeWindowMs - CHECKPOINT_SLACK_MS });
  }

  /** Drops deleted vehicles and follows the vehicles with slots. Failures are retried at the next check. */
  async #check(): Promise<void> {
    const { store, monotonicNow, log } = this.#options;
    try {
      await this.#deleted.check();
      const lists = await store.eachPartition(({ partition }) => this.#slotStore.vins(partition));
      for (const vin of lists.flat()) this.#slotted.set(vin, monotonicNow());
      await Promise.all(lists.flat().map((vin) => this.of(vin).framesReady()));
    } catch (err) {
      log.debug({ err }, 'slot_check_failed');
    }
  }

  #replaceFeed(vin: string, records: RecordSince[]): void {
    const feed = this.#byVin.get(vin);
    this.#byVin.delete(vin);
    this.#slotted.delete(vin);
    this.#checkpointSchedule.remove(vin);
    feed?.forgotten();
    for (const { entry, decoded } of records) this.of(vin).record(entry, decoded);
    this.#options.log.info({ vin }, 'vehicle_forgotten');
  }

  #cleanup(): void {
    for (const [vin, feed] of this.#byVin) {
      try {
        this.#cleanupFeed(vin, feed);
      } catch (err) {
        this.#options.log.error({ err, vin }, 'feed_cleanup_failed');
      }
    }
  }

  #isSlotted(vin: string): boolean {
    const foundMs = this.#slotted.get(vin);
    return foundMs !== undefined && this.#options.monotonicNow() - foundMs < CLEANUP_EVERY_MS;
  }

  #cleanupFeed(vin: string, feed: VehicleFeed): void {
    if (!feed.isTracked) {
      if (feed.isUnknown && feed.subscribers === 0) this.#byVin.delete(vin);
      return;
    }
    const isFollowed = feed.subscribers > 0 || this.#isSlotted(vin);
    if (isFollowed) {
      feed.recentFrames();
      this.#checkpointSchedule.writeIfDue(vin, feed);
    } else {
      feed.stopTracking();
      this.#slotted.delete(vin);
      this.#checkpointSchedule.remove(vin);
    }
  }
}
