// What is known of vehicles now, for those who ask instead of listening. From the same feeds as TeslaMate's frames, so
// that whoever asks and whoever listens hear the same.

import type { Grant } from '@fleetbridge/access';
import type { SnapshotStore } from '@fleetbridge/store';
import type { VehicleState } from '@fleetbridge/vehicle-state';
import type { LogRecords } from '../records/index.js';
import { formatCursor } from '../records/index.js';
import type { Feeds } from './feeds.js';

export interface PresentVehicle {
  vin: string;
  state: Readonly<VehicleState>;
  /** To subscribe from here gives what comes after the state, without a gap. */
  cursor: string;
}

export interface VehiclesOptions {
  feeds: Feeds;
  records: LogRecords;
  snapshots: Pick<SnapshotStore, 'vins'>;
}

export class Vehicles {
  readonly #options: VehiclesOptions;

  constructor(options: VehiclesOptions) {
    this.#options = options;
  }

  /** undefined: nothing is known of it. Throws when Redis does not answer. */
  async read(vin: string): Promise<PresentVehicle | undefined> {
    const { feeds, records } = this.#options;
    const feed = feeds.of(vin);
    await feed.ready();
    const { state } = feed;
    if (state.readings.size === 0 && state.connectivity === undefined) return undefined;
    const partition = records.partitionOf(vin);
    return { vin, state, cursor: formatCursor(new Map([[partition, records.position(partition)]])) };
  }

  /** All that the grant opens, by VIN. */
  async list(grant: Grant): Promise<PresentVehicle[]> {
    const vins = grant.vin === '*' ? await this.#vins() : [grant.vin];
    const vehicles: PresentVehicle[] = [];
    for (const vin of vins) {
      const vehicle = await this.read(vin);
      if (vehicle) vehicles.push(vehicle);
    }
    return vehicles;
  }

  async #vins(): Promise<string[]> {
    const { feeds, snapshots } = this.#options;
    return [...new Set([...(await snapshots.vins()), ...feeds.vins])].sort();
  }
}
