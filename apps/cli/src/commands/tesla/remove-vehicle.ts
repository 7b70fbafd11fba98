// `setup --remove <VIN>`: ends the telemetry of a vehicle. The key in the vehicle stays: only the owner removes it there.

import { AdmissionStore, ConfigurationStore, type Store } from '@fleetbridge/store';
import type { TeslaConnection } from '@fleetbridge/tesla-account';
import { removeConfiguration } from '@fleetbridge/tesla-setup';
import type { Invocation } from '../command.js';

interface Removal {
  readonly vin: string;
  readonly log: Store;
  readonly tesla: TeslaConnection;
}

/** Rejects with FleetApiError or TeslaAccountError; then nothing was changed here. */
export async function removeVehicle({ vin, log, tesla }: Removal, { print, values }: Invocation): Promise<number> {
  await removeConfiguration({ owner: tesla.owner, store: new ConfigurationStore(log) }, vin);
  await new AdmissionStore(log).withdraw(vin);
  if (values.json === true) {
    print(JSON.stringify({ removed: vin }));
    return 0;
  }
  print(`removed the telemetry configuration of ${vin} at Tesla, and its admission by setup`);
  print(
    `Stored data stays: fleetbridge forget ${vin} deletes it. The owner removes the key in the vehicle: Controls, Locks.`,
  );
  return 0;
}
