// Makes the configuration at Tesla the desired one. Sending it again changes nothing at the vehicle, but costs a call, so
// that an equal one is not sent.
import {
  type ApplicationKey,
  type ConfigurationState,
  FleetApiError,
  type OwnerApi,
  type Problem,
} from '@fleetbridge/fleet-api';
import type { ConfigurationStore } from '@fleetbridge/store';
import {
  configurationHash,
  type Difference,
  diffConfigurations,
  type TelemetryConfiguration,
} from '@fleetbridge/telemetry-config';
import { readVehicleConfiguration, type SentConfiguration, writeSent } from './vehicle-configuration.js';

export interface ApplyParts {
  readonly owner: Pick<OwnerApi, 'configuration' | 'createConfiguration'>;
  readonly key: ApplicationKey;
  readonly store: ConfigurationStore;
  readonly nowMs: () => number;
}

export type Applied =
  | { readonly kind: 'unchanged'; readonly state: ConfigurationState }
  /** Tesla has a configuration that was not sent from here; it was left as it is. */
  | { readonly kind: 'foreign'; readonly differences: readonly Difference[] }
  /** Tesla does not give it to this vehicle. */
  | { readonly kind: 'skipped'; readonly reason: string; readonly problem: Problem }
  | { readonly kind: 'sent'; readonly differences: readonly Difference[] };

export interface ApplyRequest {
  readonly vin: string;
  readonly desired: TelemetryConfiguration;
  /** Also replaces a configuration that was not sent from here. */
  readonly replacesForeign: boolean;
  /** Also sends an equal one, such as one that the vehicle has refused. */
  readonly isForced?: boolean | undefined;
}

/** Rejects with FleetApiError or TeslaAccountError. */
export async function applyConfiguration(parts: ApplyParts, request: ApplyRequest): Promise<Applied> {
  const { store, nowMs } = parts;
  const { vin, desired, replacesForeign, isForced = false } = request;
  const compared = await compareWithTesla(parts, { vin, desired });
  const { state, differences, isForeign } = compared;
  if (state.limitReached) {
    throw new FleetApiError({
      problem: 'limit_reached',
      endpoint: 'fleet_telemetry_config_get',
      delivery: 'answered',
    });
  }
  if (differences.length === 0 && !isForced) {
    // the process that had sent it may have ended before it could write that
    await writeSent(store, vin, sentOf(desired, nowMs()));
    return { kind: 'unchanged', state };
  }
  if (isForeign && !replacesForeign) return { kind: 'foreign', differences };
  const skipped = await send(parts, { vin, desired });
  return skipped ?? { kind: 'sent', differences };
}

/**
 * Undefined when Tesla has accepted it. It is kept as sent before: when the answer is lost, or this process ends, Tesla may
 * have it, and it must not look like that of another program.
 */
async function send(
  { owner, key, store, nowMs }: ApplyParts,
  { vin, desired }: Pick<ApplyRequest, 'vin' | 'desired'>,
): Promise<(Applied & { kind: 'skipped' }) | undefined> {
  const { sent: before } = await readVehicleConfiguration(store, vin);
  const sent = sentOf(desired, nowMs());
  await writeSent(store, vin, { ...sent, previous: before?.configuration });
  try {
    const { updated, skipped } = await owner.createConfiguration({ vins: [vin], claims: { ...desired }, key });
    const ours = skipped.find((vehicle) => vehicle.vin === vin);
    if (ours === undefined && updated > 0) {
      await writeSent(store, vin, sent);
      return undefined;
    }
    await writeSent(store, vin, before);
    return { kind: 'skipped', reason: 'updated_vehicles 0', problem: 'request_rejected', ...ours };
  } catch (error) {
    if (!mayBeStored(error)) await writeSent(store, vin, before);
    throw error;
  }
}

function mayBeStored(error: unknown): boolean {
  return !(error instanceof FleetApiError) || error.delivery === 'unknown' || (error.status ?? 0) >= 500;
}

export interface Comparison {
  readonly state: ConfigurationState;
  readonly differences: readonly Difference[];
  /** Tesla has a configuration which is neither the desired one nor the last one that was sent from here. */
  readonly isForeign: boolean;
}

/** One call; changes nothing. */
export async function compareWithTesla(
  { owner, store, nowMs }: Pick<ApplyParts, 'owner' | 'store' | 'nowMs'>,
  { vin, desired }: { vin: string; desired: TelemetryConfiguration },
): Promise<Comparison> {
  const state = await owner.configuration(vin);
  const stored = (state.config as Partial<TelemetryConfiguration> | undefined) ?? null;
  const options = { nowSeconds: Math.floor(nowMs() / 1_000) };
  const differences = diffConfigurations(desired, stored, options);
  const { sent } = await readVehicleConfiguration(store, vin);
  const ours = [sent?.configuration, sent?.previous].filter((one) => one !== undefined);
  const isOurs = ours.some(
    (one) => diffConfigurations(one, stored, { ...options, renewSeconds: -Infinity }).length === 0,
  );
  return { state, differences, isForeign: stored !== null && differences.length > 0 && !isOurs };
}

function sentOf(configuration: TelemetryConfiguration, sentMs: number): SentConfiguration {
  return { configuration, hash: configurationHash(configuration), sentMs };
}
