// The answer of fleet_status from telemetry (docs/gateway.md). A vehicle accepts a telemetry configuration only from an
// application whose key is paired with it, so one that has sent records is paired. Other facts are only Tesla's: they are
// null.
import { correctedValue, newestEntryId, type VehicleState } from '@fleetbridge/vehicle-state';
import { apiErrors } from './api-error.js';

export interface KnownVehicle {
  vin: string;
  state: Readonly<VehicleState>;
}

export interface FleetStatus {
  key_paired_vins: string[];
  unpaired_vins: string[];
  vehicle_info: Record<string, VehicleInfo>;
}

interface VehicleInfo {
  firmware_version: string | null;
  fleet_telemetry_version: string | null;
  vehicle_command_protocol_required: boolean | null;
  total_number_of_keys: number | null;
  discounted_device_data: boolean | null;
  safety_screen_streaming_toggle_enabled: boolean | null;
}

export function fleetStatus(vehicles: readonly KnownVehicle[]): FleetStatus {
  const vinsOf = (isPaired: boolean) =>
    vehicles.filter(({ state }) => (newestEntryId(state) !== undefined) === isPaired).map(({ vin }) => vin);
  return {
    key_paired_vins: vinsOf(true),
    unpaired_vins: vinsOf(false),
    vehicle_info: Object.fromEntries(vehicles.map(({ vin, state }) => [vin, infoOf(state)])),
  };
}

/** The `vins` of the request's body; undefined: all. Throws ApiError for anything else. */
export function requestedVins(body: unknown): string[] | undefined {
  const vins = (body as { vins?: unknown } | null | undefined)?.vins;
  if (vins === undefined) return undefined;
  if (!Array.isArray(vins) || !vins.every((vin) => typeof vin === 'string')) throw apiErrors.invalidVins();
  return vins;
}

function infoOf(state: Readonly<VehicleState>): VehicleInfo {
  const version = correctedValue(state, 'Version');
  // '2026.20.6 abcdef123456': the release and its build
  const release = typeof version === 'string' ? version.trim().split(' ')[0] : undefined;
  return {
    firmware_version: release || null,
    fleet_telemetry_version: null,
    vehicle_command_protocol_required: null,
    total_number_of_keys: null,
    discounted_device_data: null,
    safety_screen_streaming_toggle_enabled: null,
  };
}
