import { FleetApiError, type OwnerApi } from '@fleetbridge/fleet-api';
import type { ConfigurationStore } from '@fleetbridge/store';

/** At Tesla, and here: otherwise the watch of the gateway would send it again. Rejects with FleetApiError or TeslaAccountError. */
export async function removeConfiguration(
  { owner, store }: { owner: Pick<OwnerApi, 'deleteConfiguration'>; store: ConfigurationStore },
  vin: string,
): Promise<void> {
  await owner.deleteConfiguration(vin).catch((error: unknown) => {
    // it was removed already, or the vehicle was sold and is not in the account any more
    if (!(error instanceof FleetApiError && error.problem === 'vehicle_not_found')) throw error;
  });
  await store.remove(vin);
}
