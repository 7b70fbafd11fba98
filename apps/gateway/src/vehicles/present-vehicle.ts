// What REST answers of a vehicle now: its state up to the end of the log, within the clock rules of TeslaMate.
import { BEGINNING, entryMs } from '@fleetbridge/protocol';
import type { AnsweredStates } from '@fleetbridge/store';
import type { LiveVehicle, LiveVehicles } from '@fleetbridge/vehicle-feed';
import {
  booleanOf,
  correctedValue,
  hasVehicleData,
  newestEntryId,
  newestReadingMs,
  type StatusTimes,
  updateStatus,
  type VehicleStatus,
  vehicleStatus,
} from '@fleetbridge/vehicle-state';
import type { CatalogVehicle } from './vehicle-catalog.js';

export interface PresentVehicle extends CatalogVehicle {
  live: LiveVehicle;
  nowMs: number;
  status: VehicleStatus;
  /** For every section of vehicle_data. */
  timestampMs: number;
  /** Of the software update. */
  updateStatus: string;
  /** The vehicle reports that it is in service. */
  isInService: boolean;
}

export interface PresentVehiclesOptions {
  live: Pick<LiveVehicles, 'read'>;
  answered: Pick<AnsweredStates, 'answer'>;
  times: StatusTimes;
  now: () => number;
}

export class PresentVehicles {
  readonly #options: PresentVehiclesOptions;

  constructor(options: PresentVehiclesOptions) {
    this.#options = options;
  }

  /** What it has sent up to now, which is no answer about its status. Rejects when Redis does not answer. */
  async state(vin: string): Promise<LiveVehicle['state']> {
    return (await this.#options.live.read(vin)).state;
  }

  /** Counts as an answer. Rejects when Redis does not answer. */
  async read(vehicle: CatalogVehicle): Promise<PresentVehicle> {
    const { live, answered, times, now } = this.#options;
    const read = await live.read(vehicle.vin);
    const { state } = read;
    const entryId = newestEntryId(state) ?? BEGINNING;
    // the clock of Redis, from which the times of frames come, can be ahead of ours by a few milliseconds
    const nowMs = Math.max(now(), entryMs(entryId));
    const answer = await answered.answer(vehicle.vin, {
      nowMs,
      // products and vehicles agree with vehicle_data, which can't be answered without a place
      status: hasVehicleData(state) ? vehicleStatus(state, { nowMs, times }).status : 'offline',
      recordMs: newestReadingMs(state) ?? 0,
      entryId,
      updateStatus: updateStatus({ state, seed: vehicle.seed, nowMs }),
    });
    const isInService = booleanOf(correctedValue(state, 'ServiceMode')) === true;
    return { ...vehicle, ...answer, live: read, nowMs, isInService };
  }
}
