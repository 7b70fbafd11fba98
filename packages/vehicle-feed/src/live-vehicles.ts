// The vehicles of a feed by VIN. A read is the state at the end that the log has at the time of the request, so that it is
// never older than a frame that was sent.
import type { DecodedRecord } from '@fleetbridge/protocol';
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

export class LiveVehicles {
  readonly #options: LiveVehiclesOptions;
  /** By VIN. */
  readonly byVin = new Map<string, LiveVehicle>();

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

  async #load(vin: string, begin: (state: VehicleState) => void): Promise<void> {
    const { snapshots, store, pages, feed } = this.#options;
    const { hash, cursor } = await snapshots.read(vin);
    const { state } = stateFromHash(hash);
    await catchUp({
      pages,
      partition: store.partitionOf(vin),
      after: cursor,
      readUpTo: (partition) => feed.cursor(partition),
      onEntry: (entry) => {
        const decoded = entry.vin === vin ? decodedOrUndefined(entry) : undefined;
        if (decoded) advance(state, { entryId: entry.id, timeMs: entry.createdMs, decoded });
      },
      onReached: () => begin(state),
    });
  }

  /** Begins again with these records: the data of the vehicle was deleted. */
  replace(vin: string, records: readonly { entry: LogEntry; decoded: DecodedRecord }[]): void {
    this.byVin.delete(vin);
    for (const { entry, decoded } of records) this.record(entry, decoded);
  }
}
