// The feeds of all vehicles, fed by one tail per partition that begins at the cursor of the snapshots: a vehicle is then
// complete with its snapshot alone, and no subscriber costs a scan of the log. A vehicle with a slot is followed even if
// its subscriber is connected to another replica, so that the subscriber can continue here.
import { randomUUID } from 'node:crypto';
import type { DecodedRecord } from '@fleetbridge/protocol';
import type { Logger } from '@fleetbridge/service';
import {
  type Checkpoint,
  CheckpointStore,
  ForgottenVehicles,
  type LogEntry,
  LogPages,
  SlotStore,
  type SlotTimes,
  type SnapshotStore,
  type Store,
} from '@fleetbridge/store';
import { DeletedVehicles, LogFeed, type RecordSince } from '@fleetbridge/vehicle-feed';
import { type StatusTimes, stateFromHash } from '@fleetbridge/vehicle-state';
import type { StreamingCounts } from '../metrics.js';
import { ResumePositions } from '../resume/index.js';
import { CheckpointSchedule } from './checkpoint-schedule.js';
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
  /** When a vehicle goes offline. */
  times: StatusTimes;
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
/** Frames are made for so long after the last slot: a TeslaMate that slept with its vehicle gets the drive that woke it. */
const FOLLOW_MS = 24 * 3_600_000;
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
  readonly #feed: LogFeed;
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
      vehicles: this.#byVin,
      replace: (vin, records) => this.#replaceFeed(vin, records),
    });
    this.#feed = new LogFeed({
      store,
      snapshots: options.snapshots,
      name: 'fleetbridge-streaming',
      counts,
      log,
      onEntry: (entry, decoded) => this.#entry(entry, decoded),
      // Also when the feed can't process the entry: the clients of raw records still receive it.
      onRead: (entry, decoded, partition) => options.onEntry?.(partition, entry, decoded),
      onGap: (gap) => log.error(gap, 'streaming_gap'),
      onReadable: options.onReadable,
    });
  }

  /** Resolves when the feeds are up to date and have the frames from which subscribers can resume. */
  async start(): Promise<void> {
    await this.#deleted.start();
    // no client is sent a state that the log has already superseded
    await this.#feed.start();
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
    await this.#feed.restart();
  }

  /** The last entry of a partition that was handled. */
  cursor(partition: number): string {
    return this.#feed.cursor(partition);
  }

  async stop(): Promise<void> {
    clearInterval(this.#checkTimer);
    clearInterval(this.#cleanupTimer);
    await this.slots.stop();
    await this.#feed.stop();
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
    const { now, monotonicNow, times, snapshots, store, resumeWindowMs } = this.#options;
    const partition = store.partitionOf(vin);
    const feed = new VehicleFeed({
      now,
      monotonicNow,
      times,
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

  #entry(entry: LogEntry, decoded: DecodedRecord | undefined): void {
    if (decoded === undefined) return;
    const { counts, now } = this.#options;
    const feed = this.of(entry.vin);
    feed.record(entry, decoded);
    if (feed.subscribers > 0) counts.observeLatency(Math.max(0, now() - entry.receivedMs) / 1000);
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

  #wasSlotted(vin: string): boolean {
    const foundMs = this.#slotted.get(vin);
    return foundMs !== undefined && this.#options.monotonicNow() - foundMs < FOLLOW_MS;
  }

  #cleanupFeed(vin: string, feed: VehicleFeed): void {
    if (!feed.isTracked) {
      if (feed.isUnknown && feed.subscribers === 0) this.#byVin.delete(vin);
      return;
    }
    const isFollowed = feed.subscribers > 0 || this.#wasSlotted(vin);
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
