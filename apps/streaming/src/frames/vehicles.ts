// The current state of vehicles, for requests. It comes from the same feeds as TeslaMate's frames, so requests and
// subscriptions show the same.

import type { Grant } from '@fleetbridge/access';
import type { SnapshotStore } from '@fleetbridge/store';
import type { VehicleState } from '@fleetbridge/vehicle-state';
import type { LogRecords } from '../records/index.js';
import { formatCursor } from '../records/index.js';
import type { Feeds } from './feeds.js';

export interface PresentVehicle {
  vin: string;
  state: Readonly<VehicleState>;
  /** A subscription from here continues after the state, without a gap. */
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

  /** undefined: the vehicle is unknown. Rejects when Redis does not answer. */
  async read(vin: string): Promise<PresentVehicle | undefined> {
    const { feeds, records } = this.#options;
    const feed = feeds.of(vin);
    await feed.ready();
    const { state } = feed;
    if (feed.isUnknown) return undefined;
    const partition = records.partitionOf(vin);
    return { vin, state, cursor: formatCursor(new Map([[partition, records.position(partition)]])) };
  }

  /** The vehicles of a grant, by VIN. */
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
