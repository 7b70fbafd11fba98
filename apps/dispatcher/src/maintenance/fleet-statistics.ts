// Connected vehicles that have fallen quiet. A vehicle sends what changes, so one that is parked may have nothing to say
// for an hour; one that was driving or charging when it was last heard should not. Numbers alone: no VIN leaves here.
import { lastReceivedMs, type Presence, type SnapshotStore, type Store } from '@fleetbridge/store';
import { isCharging, isInDrive, stateFromHash, type VehicleState } from '@fleetbridge/vehicle-state';

/** Connected and nothing heard for so long: quiet. */
const QUIET_MS = 300_000;
const LOOK_EVERY_MS = 30_000;
/** What tells `doing` apart. */
const SIGNALS = ['Gear', 'DetailedChargeState', 'ChargeState'];
/** Vehicles asked for at a time, so that Redis is not held up by thousands. */
const AT_A_TIME = 100;

export type Doing = 'driving' | 'charging' | 'parked';

export interface FleetCounts {
  connected: number;
  /** By what they were doing when they were last heard. */
  quiet: Record<Doing, number>;
}

export interface FleetStatisticsOptions {
  store: Store;
  presence: Pick<Presence, 'connectedIn'>;
  snapshots: Pick<SnapshotStore, 'readings'>;
  counts: FleetCounts;
  now: () => number;
}

export class FleetStatistics {
  readonly #options: FleetStatisticsOptions;
  #lookedMs = Number.NEGATIVE_INFINITY;

  constructor(options: FleetStatisticsOptions) {
    this.#options = options;
  }

  /** To be called every few seconds, with the partitions that this process tends. */
  async look(partitions: readonly number[]): Promise<void> {
    const { counts, now } = this.#options;
    if (now() - this.#lookedMs < LOOK_EVERY_MS) return;
    this.#lookedMs = now();
    const found: FleetCounts = { connected: 0, quiet: { driving: 0, charging: 0, parked: 0 } };
    for (const partition of partitions) await this.#lookAt(partition, found);
    Object.assign(counts, found);
  }

  async #lookAt(partition: number, found: FleetCounts): Promise<void> {
    const { store, presence, snapshots, now } = this.#options;
    const connections = await presence.connectedIn(partition);
    found.connected += connections.length;
    const nowMs = now();
    const old = connections.filter(({ sinceMs }) => nowMs - sinceMs >= QUIET_MS).map(({ vin }) => vin);
    const heard = await lastReceivedMs(store, { partition, vins: old, nowMs });
    const quiet = old.filter((vin) => nowMs - (heard.get(vin) ?? 0) >= QUIET_MS);
    for (let at = 0; at < quiet.length; at += AT_A_TIME) {
      const some = quiet.slice(at, at + AT_A_TIME);
      const hashes = await Promise.all(some.map((vin) => snapshots.readings(vin, SIGNALS)));
      for (const hash of hashes) found.quiet[doing(stateFromHash(hash).state)]++;
    }
  }
}

/** `parked` also for those of which nothing better is known. */
function doing(state: VehicleState): Doing {
  if (isInDrive(state)) return 'driving';
  return isCharging(state) ? 'charging' : 'parked';
}
