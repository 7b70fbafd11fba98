// What a person asks for: it is kept as wanted, sent, and the watch begins again.
import { FleetApiError } from '@fleetbridge/fleet-api';
import { type Applied, type ApplyParts, type ApplyRequest, applyConfiguration } from './apply.js';
import { readVehicleConfiguration, type WantedConfiguration, writeWanted } from './vehicle-configuration.js';

/** `desired`: of `wanted`. Rejects with FleetApiError or TeslaAccountError. */
export async function applyWanted(
  parts: ApplyParts,
  { wanted, ...request }: ApplyRequest & { wanted: WantedConfiguration },
): Promise<Applied> {
  const { store } = parts;
  const { vin } = request;
  const { wanted: before } = await readVehicleConfiguration(store, vin);
  // what was not sent is not what the next apply and the watch should send
  const restore = async () => {
    if (before !== undefined) await writeWanted(store, vin, before);
  };
  await writeWanted(store, vin, wanted);
  try {
    const applied = await applyConfiguration(parts, request);
    if (applied.kind === 'foreign') await restore();
    // a limit of Tesla that stopped the watch is over
    if (applied.kind === 'sent') await store.write(vin, 'watch', '{}');
    return applied;
  } catch (error) {
    if (isRejected(error)) await restore();
    throw error;
  }
}

function isRejected(error: unknown): boolean {
  return error instanceof FleetApiError && error.delivery === 'answered' && (error.status ?? 500) < 500;
}
