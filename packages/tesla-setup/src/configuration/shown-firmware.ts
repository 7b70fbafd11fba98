// The firmware that a vehicle has shown: to Tesla, now or earlier, and by what it has sent.
import { type ConfigurationStore, SnapshotStore, type Store } from '@fleetbridge/store';
import { shownFirmware } from '@fleetbridge/telemetry-config';
import { stateFromHash } from '@fleetbridge/vehicle-state';

export interface FirmwareParts {
  readonly store: Store;
  readonly configurations: ConfigurationStore;
}

/** `fleetStatus`: what Tesla names now. It may name nothing at times, so that the last one is kept (`rememberFirmware`). */
export async function firmwareOfVehicle(
  { store, configurations }: FirmwareParts,
  { vin, fleetStatus }: { vin: string; fleetStatus: string | undefined },
): Promise<string> {
  const { hash } = await new SnapshotStore(store).read(vin);
  const reported = fleetStatus ?? (await configurations.read(vin)).firmware;
  const version = stateFromHash(hash).state.readings.get('Version')?.value;
  return shownFirmware({
    signals: Object.keys(hash),
    ...(reported === undefined ? {} : { fleetStatus: reported }),
    ...(typeof version === 'string' ? { versionSignal: version } : {}),
  });
}

export async function rememberFirmware(
  configurations: ConfigurationStore,
  { vin, fleetStatus }: { vin: string; fleetStatus: string | undefined },
): Promise<void> {
  if (fleetStatus !== undefined) await configurations.write(vin, 'firmware', fleetStatus);
}
