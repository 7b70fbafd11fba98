// The vehicles of a feed by VIN. A read is the state at the end that the log has at the time of the request, so that it is
// never older than a frame that was sent.
import { BEGINNING, compareEntryIds, type DecodedRecord } from '@fleetbridge/protocol';
import type { LogEntry, LogPages, SnapshotStore, Store } from '@fleetbridge/store';
import { stateFromHash, type VehicleState } from '@fleetbridge/vehicle-state';
import { catchUp } from './catch-up.js';
import { decodedOrUndefined } from './entry-decoding.js';
import { advance, LiveVehicle } from './live-vehicle.js';
import type { LogFeed } from './log-feed.js';

export interface LiveVehiclesOptions {
  store: Pick<Store, 'partitionOf'>;
  snapshots: Pick<SnapshotStore, 'read'>;
  pages: Pick<LogPages, 'after'>;
  feed: Pick<LogFeed, 'readToEnd' | 'cursor'>;
}

type Begin = (state: VehicleState) => void;

export class LiveVehicles {
  readonly #options: LiveVehiclesOptions;
  /** By VIN. */
  readonly byVin = new Map<string, LiveVehicle>();
  /** Vehicles for the next batch. */
  readonly #waiting = new Map<string, Begin>();
  #batch: Promise<void> | undefined;
  #nextBatch: Promise<void> | undefined;

  constructor(options: LiveVehiclesOptions) {
    this.#options = options;
  }

  /** Handles the next entry of the feed. */
  record(entry: LogEntry, decoded: DecodedRecord | undefined): void {
    if (decoded) this.of(entry.vin).record(entry, decoded);
  }

  /** Up to the present end of the log. Rejects when Redis does not answer. */
  async read(vin: string): Promise<LiveVehicle> {
    const { feed, store } = this.#options;
    await feed.readToEnd(store.partitionOf(vin));
    const vehicle = this.of(vin);
    await vehicle.ready();
    return vehicle;
  }

  /** The vehicle of a VIN, known or not. */
  of(vin: string): LiveVehicle {
    const known = this.byVin.get(vin);
    if (known) return known;
    const vehicle = new LiveVehicle({ load: (begin) => this.#load(vin, begin) });
    this.byVin.set(vin, vehicle);
    return vehicle;
  }

  /** The vehicles that were read or that have had a record since the start, without those of which nothing is known. */
  get vins(): string[] {
    return [...this.byVin].filter(([, vehicle]) => !vehicle.isUnknown).map(([vin]) => vin);
  }

  /** Vehicles that are asked for at the same time share one reading of the log. */
  #load(vin: string, begin: Begin): Promise<void> {
    this.#waiting.set(vin, begin);
    this.#nextBatch ??= (this.#batch ?? Promise.resolve()).then(() => this.#loadBatch());
    return this.#nextBatch;
  }

  #loadBatch(): Promise<void> {
    const wanted = new Map(this.#waiting);
    this.#waiting.clear();
    this.#nextBatch = undefined;
    const loaded = this.#loadAll(wanted);
    // a failure concerns those who wait for this batch, not the next one
    this.#batch = loaded.catch(() => {});
    return loaded;
  }

  async #loadAll(wanted: ReadonlyMap<string, Begin>): Promise<void> {
    const { store } = this.#options;
    const partitions = new Map<number, string[]>();
    for (const vin of wanted.keys()) {
      const partition = store.partitionOf(vin);
      partitions.set(partition, [...(partitions.get(partition) ?? []), vin]);
    }
    await Promise.all([...partitions].map(([partition, vins]) => this.#loadPartition(partition, vins, wanted)));
  }

  async #loadPartition(partition: number, vins: readonly string[], wanted: ReadonlyMap<string, Begin>): Promise<void> {
    const { snapshots, pages, feed } = this.#options;
    const read = await Promise.all(vins.map(async (vin) => [vin, await snapshots.read(vin)] as const));
    const states = new Map(read.map(([vin, { hash }]) => [vin, stateFromHash(hash).state]));
    const oldest = read.map(([, { cursor }]) => cursor).sort(compareEntryIds)[0] ?? BEGINNING;
    await catchUp({
      pages,
      partition,
      // what a snapshot has already changes nothing
      after: oldest,
      readUpTo: () => feed.cursor(partition),
      onEntry: (entry) => {
        const state = states.get(entry.vin);
        const decoded = state && decodedOrUndefined(entry);
        if (decoded) advance(state, { entryId: entry.id, timeMs: entry.createdMs, decoded });
      },
      onReached: () => {
        for (const [vin, state] of states) wanted.get(vin)?.(state);
      },
    });
  }

  /** The log has been replaced: nothing of the former one is known any more. */
  clear(): void {
    this.byVin.clear();
  }

  /** Begins again with these records: the data of the vehicle was deleted. */
  replace(vin: string, records: readonly { entry: LogEntry; decoded: DecodedRecord }[]): void {
    this.byVin.delete(vin);
    for (const { entry, decoded } of records) this.record(entry, decoded);
  }
}
