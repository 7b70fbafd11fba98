import type { ConfigurationStore } from '@fleetbridge/store';
import { vehicleConfigurationOf } from '../configuration/index.js';
import type { WatchMemory } from './decision.js';
import type { WatchedVehicle } from './watch-vehicle.js';

/** Those whose configuration was sent from here. */
export async function watchedVehicles(store: ConfigurationStore): Promise<WatchedVehicle[]> {
  return [...(await store.list())].flatMap(([vin, stored]) => {
    const { wanted, sent } = vehicleConfigurationOf(stored);
    if (wanted === undefined || sent === undefined) return [];
    return [{ vin, wanted, sent, memory: JSON.parse(stored.watch ?? '{}') as WatchMemory }];
  });
}
