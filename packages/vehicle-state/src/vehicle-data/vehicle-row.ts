// The fields of a vehicle outside of the sections: an entry of products and vehicles, and the top of vehicle_data.

import type { FieldValue, Row } from './field.js';
import { type Facts, resolveField } from './field.js';
import { text } from './sources.js';

export type VehicleStatus = 'online' | 'asleep' | 'offline';

/** Never change, and below 2^53: TeslaMate finds the car by them. */
export interface VehicleIds {
  id: number;
  vehicleId: number;
}

export interface VehicleFacts extends Facts {
  ids: VehicleIds;
  status: VehicleStatus;
  isInService: boolean;
}

const rows: readonly Row[] = [
  ['user_id', 'integer', undefined, { seed: 'last', isOptional: true }],
  ['display_name', 'text', text('VehicleName'), { seed: 'last' }],
  ['option_codes', 'text', undefined, { seed: 'last' }],
  ['color', 'text', undefined],
  ['access_type', 'text', undefined, { seed: 'last', otherwise: 'OWNER' }],
  ['tokens', 'text', undefined],
  ['calendar_enabled', 'boolean', undefined, { seed: 'last', otherwise: true }],
  ['api_version', 'integer', undefined, { seed: 'last', otherwise: 71 }],
  ['backseat_token', 'text', undefined],
  ['backseat_token_updated_at', 'text', undefined],
  ['ble_autopair_enrolled', 'boolean', undefined, { seed: 'last', otherwise: false }],
  ['share_type_s', 'text', undefined, { seed: 'last', isOptional: true }],
  ['supercharger_payment_needed', 'boolean', undefined, { seed: 'last', isOptional: true }],
  ['supercharging_enabled', 'boolean', undefined, { seed: 'last', isOptional: true }],
];

/** Only in lists of vehicles. */
const listRows: readonly Row[] = [
  ['cached_data', 'text', undefined],
  ['command_signing', 'text', undefined, { seed: 'last', otherwise: 'required' }],
  ['release_notes_supported', 'boolean', undefined, { seed: 'last', otherwise: true }],
  ['mobile_access_disabled', 'boolean', undefined, { seed: 'last', otherwise: false }],
];

export type VehicleEntry = Record<string, FieldValue | { hide_private: boolean }>;

/** An entry of a list of vehicles. It has no sections: TeslaMate would skip its check whether the car is awake. */
export function vehicleEntry(facts: VehicleFacts): VehicleEntry {
  return { ...vehicleTop(facts), ...resolvedRows(listRows, facts) };
}

/** The fields above the sections of vehicle_data. */
export function vehicleTop(facts: VehicleFacts): VehicleEntry {
  const { ids, seed, status, isInService } = facts;
  return {
    id: ids.id,
    id_s: String(ids.id),
    vehicle_id: ids.vehicleId,
    vin: seed.vin,
    state: status,
    in_service: isInService,
    ...resolvedRows(rows, facts),
    granular_access: { hide_private: false },
  };
}

function resolvedRows(table: readonly Row[], facts: Facts): Record<string, FieldValue> {
  const fields: Record<string, FieldValue> = {};
  for (const row of table) {
    const field = resolveField(row, 'vehicle', facts);
    if (field) fields[row[0]] = field.value;
  }
  return fields;
}
