// Counts connected vehicles that send nothing. A vehicle sends what changes, so a parked one may be quiet for an hour; one
// that was driving or charging when it last sent a record should not be. Counts only, without VINs.
import { lastReceivedMs, type Presence, type SnapshotStore, type Store } from '@fleetbridge/store';
import { isCharging, isInDrive, stateFromHash, type VehicleState } from '@fleetbridge/vehicle-state';

/** A connected vehicle without a record for this time is quiet. */
const QUIET_MS = 300_000;
const UPDATE_EVERY_MS = 30_000;
/** The signals that `doing` needs. */
const SIGNALS = ['Gear', 'DetailedChargeState', 'ChargeState'];
/** Vehicles per round trip, so that thousands do not block Redis. */
const BATCH_SIZE = 100;

export type Doing = 'driving' | 'charging' | 'parked';

export interface FleetCounts {
  connected: number;
  /** By what they were doing at their last record. */
  quiet: Record<Doing, number>;
}

export interface FleetStatisticsOptions {
  store: Store;
  presence: Pick<Presence, 'connectedIn'>;
  snapshots: Pick<SnapshotStore, 'readings'>;
  counts: FleetCounts;
  now: () => number;
  /** Milliseconds of a clock that can't be set. */
  monotonicNow: () => number;
}

export class FleetStatistics {
  readonly #options: FleetStatisticsOptions;
  #updatedMs = Number.NEGATIVE_INFINITY;

  constructor(options: FleetStatisticsOptions) {
    this.#options = options;
  }

  /** Call it every few seconds with the partitions of this process; updates every 30 s. */
  async update(partitions: readonly number[]): Promise<void> {
    const { counts, monotonicNow } = this.#options;
    if (monotonicNow() - this.#updatedMs < UPDATE_EVERY_MS) return;
    this.#updatedMs = monotonicNow();
    const found: FleetCounts = { connected: 0, quiet: { driving: 0, charging: 0, parked: 0 } };
    for (const partition of partitions) await this.#countIn(partition, found);
    Object.assign(counts, found);
  }

  async #countIn(partition: number, found: FleetCounts): Promise<void> {
    const { store, presence, snapshots, now } = this.#options;
    const connections = await presence.connectedIn(partition);
    found.connected += connections.length;
    const nowMs = now();
    const old = connections.filter(({ sinceMs }) => nowMs - sinceMs >= QUIET_MS).map(({ vin }) => vin);
    const lastReceived = await lastReceivedMs(store, { partition, vins: old, nowMs });
    const quiet = old.filter((vin) => nowMs - (lastReceived.get(vin) ?? 0) >= QUIET_MS);
    for (let start = 0; start < quiet.length; start += BATCH_SIZE) {
      const batch = quiet.slice(start, start + BATCH_SIZE);
      const hashes = await Promise.all(batch.map((vin) => snapshots.readings(vin, SIGNALS)));
      for (const hash of hashes) found.quiet[doing(stateFromHash(hash).state)]++;
    }
  }
}

/** `parked` also if the state is unknown. */
function doing(state: VehicleState): Doing {
  if (isInDrive(state)) return 'driving';
  return isCharging(state) ? 'charging' : 'parked';
}
