// The owner's vehicles: lists, one document, wake_up and fleet_status.
import { type Account, isPaired, type StandInVehicle } from './account.js';
import { type Answer, failure, isObject, success } from './answer.js';

export function listVehicles({ vehicles }: Account): Answer {
  const list = [...vehicles.values()].map(summary);
  return {
    ...success(list),
    body: JSON.stringify({
      response: list,
      pagination: { previous: null, next: null, current: 1 },
      count: list.length,
    }),
  };
}

export function products({ vehicles }: Account): Answer {
  const list = [...vehicles.values()].map(summary);
  return { ...success(list), body: JSON.stringify({ response: list, count: list.length }) };
}

export const oneVehicle = (vehicle: StandInVehicle): Answer => success(summary(vehicle));

/** `document` is added to the fields that every vehicle has. */
export function vehicleData(vehicle: StandInVehicle, options: { hasLocation: boolean; document: object }): Answer {
  if (vehicle.state.isInService) return failure(405, 'vehicle is currently in service');
  if (!vehicle.state.isAwake) return failure(408, 'vehicle unavailable: vehicle is offline or asleep');
  const document: Record<string, unknown> = { ...summary(vehicle), ...options.document };
  const { drive_state } = document;
  if (!options.hasLocation && isObject(drive_state)) {
    document.drive_state = Object.fromEntries(
      Object.entries(drive_state).filter(([name]) => !/latitude|longitude/.test(name)),
    );
  }
  return success(document);
}

export function fleetStatus(account: Account, vins: unknown): Answer {
  if (!Array.isArray(vins)) return failure(400, 'vins is required');
  const known = vins.flatMap((vin) => account.vehicles.get(String(vin)) ?? []);
  const paired = known.filter((vehicle) => isPaired(account, vehicle));
  const unpaired = known.filter((vehicle) => !paired.includes(vehicle));
  return success({
    key_paired_vins: paired.map(({ vin }) => vin),
    unpaired_vins: unpaired.map(({ vin }) => vin),
    vehicle_info: Object.fromEntries(known.map((vehicle) => [vehicle.vin, vehicleInfo(vehicle)])),
  });
}

function vehicleInfo({ state, pairedKeys }: StandInVehicle) {
  return {
    firmware_version: state.firmware,
    vehicle_command_protocol_required: state.isCommandProtocolRequired,
    fleet_telemetry_version: '1.3.0',
    total_number_of_keys: 1 + pairedKeys.size,
    discounted_device_data: false,
    safety_screen_streaming_toggle_enabled: state.isStreamingAllowed,
  };
}

function summary({ vin, id, vehicleId, state }: StandInVehicle) {
  return {
    id,
    vehicle_id: vehicleId,
    vin,
    color: null,
    access_type: 'OWNER',
    display_name: 'Simulated',
    option_codes: null,
    granular_access: { hide_private: false },
    tokens: null,
    state: state.isAwake ? 'online' : 'asleep',
    in_service: state.isInService,
    id_s: String(id),
    calendar_enabled: true,
    api_version: 90,
    backseat_token: null,
    backseat_token_updated_at: null,
  };
}
