// The state of one vehicle as a reader of the log has it. Records are merged from the start of the feed, the snapshot is
// added at the first request.
import type { LogEntry } from '@fleetbridge/store';
import {
  emptyState,
  mergeRecord,
  mergeStates,
  type VehicleRecord,
  type VehicleState,
} from '@fleetbridge/vehicle-state';

export class LiveVehicle {
  readonly #loadSnapshot: () => Promise<VehicleState>;
  #state: VehicleState = emptyState();
  #loading: Promise<void> | undefined;
  #version = 0;

  constructor(loadSnapshot: () => Promise<VehicleState>) {
    this.#loadSnapshot = loadSnapshot;
  }

  /** Complete once `ready` has resolved. Read-only. */
  get state(): Readonly<VehicleState> {
    return this.#state;
  }

  /** Differs after each change of the state. */
  get version(): number {
    return this.#version;
  }

  /** No record of it exists: perhaps a client made up the VIN. */
  get isUnknown(): boolean {
    return this.#state.readings.size === 0 && this.#state.connectivity === undefined;
  }

  /** Resolves when the snapshot has been added. Rejects when Redis does not answer, and can be called again. */
  ready(): Promise<void> {
    this.#loading ??= this.#load().catch((error) => {
      this.#loading = undefined;
      throw error;
    });
    return this.#loading;
  }

  /** Merges the next record of this vehicle in the log's order. */
  record(entry: Pick<LogEntry, 'id' | 'createdMs'>, decoded: VehicleRecord['decoded']): void {
    const changed = mergeRecord(this.#state, { entryId: entry.id, timeMs: entry.createdMs, decoded });
    if (changed.length > 0) this.#version++;
  }

  async #load(): Promise<void> {
    const snapshot = await this.#loadSnapshot();
    this.#state = mergeStates(snapshot, this.#state);
    this.#version++;
  }
}
