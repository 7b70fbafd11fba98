// The state of one vehicle as a reader of the log has it: at the first request the snapshot is read and the log after its
// cursor once more, and from then on the feed's records are merged. So the charging session, which depends on the order of
// records, is exact too.
import type { LogEntry } from '@fleetbridge/store';
import {
  advanceCharging,
  emptyState,
  mergeRecord,
  type VehicleRecord,
  type VehicleState,
} from '@fleetbridge/vehicle-state';

export interface LiveVehicleOptions {
  /** Calls `begin` with the state up to the last entry of the feed, in a turn in which it is complete. */
  load: (begin: (state: VehicleState) => void) => Promise<void>;
}

export class LiveVehicle {
  readonly #options: LiveVehicleOptions;
  #state: VehicleState = emptyState();
  #loading: Promise<void> | undefined;
  #isLoaded = false;
  #hasRecords = false;
  #version = 0;

  constructor(options: LiveVehicleOptions) {
    this.#options = options;
  }

  /** Complete once `ready` has resolved. Read-only. */
  get state(): Readonly<VehicleState> {
    return this.#state;
  }

  /** Differs after each change of the state. */
  get version(): number {
    return this.#version;
  }

  /** No record of it is known: perhaps a client made up the VIN. */
  get isUnknown(): boolean {
    return !this.#hasRecords && this.#state.readings.size === 0 && this.#state.connectivity === undefined;
  }

  /** Resolves when the state is complete. Rejects when Redis does not answer, and can be called again. */
  ready(): Promise<void> {
    this.#loading ??= this.#load().catch((error) => {
      this.#loading = undefined;
      throw error;
    });
    return this.#loading;
  }

  /** Handles the next record of this vehicle in the log's order. */
  record(entry: Pick<LogEntry, 'id' | 'createdMs'>, decoded: VehicleRecord['decoded']): void {
    this.#hasRecords = true;
    // the load reads it again
    if (!this.#isLoaded) return;
    advance(this.#state, { entryId: entry.id, timeMs: entry.createdMs, decoded });
    this.#version++;
  }

  #load(): Promise<void> {
    return this.#options.load((state) => {
      this.#state = state;
      this.#isLoaded = true;
      this.#version++;
    });
  }
}

/** Merges a record that follows in the log's order. */
export function advance(state: VehicleState, record: VehicleRecord): void {
  mergeRecord(state, record);
  advanceCharging(state, record);
}
