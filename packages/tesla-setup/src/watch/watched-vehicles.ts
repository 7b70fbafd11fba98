import type { ConfigurationStore } from '@fleetbridge/store';
import { listVehicleConfigurations } from '../configuration/index.js';
import type { WatchMemory } from './decision.js';
import type { WatchedVehicle } from './watch-vehicle.js';

/** Those whose configuration was sent from here. */
export async function watchedVehicles(store: ConfigurationStore): Promise<WatchedVehicle[]> {
  const memories = await store.list();
  return [...(await listVehicleConfigurations(store))].flatMap(([vin, { wanted, sent }]) => {
    if (wanted === undefined || sent === undefined) return [];
    const json = memories.get(vin)?.watch;
    return [{ vin, wanted, sent, memory: json === undefined ? {} : (JSON.parse(json) as WatchMemory) }];
  });
}
