// Drops what this process holds of vehicles that were deleted (`fleetbridge vehicle forget`), so that no output and no
// checkpoint is made from it. A vehicle can be back before the deletion is noticed here: records since then are in no
// snapshot yet, so they are read once more.
import type { DecodedRecord } from '@fleetbridge/protocol';
import type { ForgottenVehicles, LogEntry, LogPages, Store } from '@fleetbridge/store';
import { catchUp } from './catch-up.js';
import { decodedOrUndefined } from './entry-decoding.js';

export interface DeletedVehiclesOptions {
  forgotten: ForgottenVehicles;
  pages: LogPages;
  store: Pick<Store, 'partitionOf'>;
  readUpTo: (partition: number) => string;
  /** The vehicles in memory, by VIN. */
  vehicles: ReadonlyMap<string, { readonly isUnknown: boolean }>;
  /** Drops the vehicle of a VIN and begins again with these records. */
  replace: (vin: string, records: RecordSince[]) => void;
}

export interface RecordSince {
  entry: LogEntry;
  decoded: DecodedRecord;
}

/** The clock of Redis and the ids of its entries differ by less than this. */
const CLOCK_SLACK_MS = 1_000;

export class DeletedVehicles {
  readonly #options: DeletedVehiclesOptions;
  /** Time of the deletion, for vehicles of which this process still holds data. */
  readonly #pending = new Map<string, number>();

  constructor(options: DeletedVehiclesOptions) {
    this.#options = options;
  }

  /** Ignores the deletions so far: nothing that is read from now on has data from before them. */
  async start(): Promise<void> {
    await this.#options.forgotten.among(() => []);
  }

  /** Rejects when Redis does not answer; the next check continues. */
  async check(): Promise<void> {
    const { forgotten, vehicles } = this.#options;
    for (const { vin, atMs } of await forgotten.among(() => vehicles.keys())) this.#pending.set(vin, atMs);
    await Promise.all([...this.#pending].map(([vin, atMs]) => this.#drop(vin, atMs)));
  }

  async #drop(vin: string, atMs: number): Promise<void> {
    const { pages, store, readUpTo, vehicles, replace } = this.#options;
    const vehicle = vehicles.get(vin);
    if (vehicle === undefined || vehicle.isUnknown) {
      this.#pending.delete(vin);
      return;
    }
    const since: RecordSince[] = [];
    await catchUp({
      pages,
      partition: store.partitionOf(vin),
      after: `${Math.max(0, atMs - CLOCK_SLACK_MS)}-0`,
      readUpTo,
      onEntry: (entry) => {
        const decoded = entry.vin === vin ? decodedOrUndefined(entry) : undefined;
        if (decoded) since.push({ entry, decoded });
      },
      onReached: () => {
        // an overlapping check can have been faster
        if (vehicles.get(vin) !== vehicle || this.#pending.get(vin) !== atMs) return;
        this.#pending.delete(vin);
        replace(vin, since);
      },
    });
  }
}
