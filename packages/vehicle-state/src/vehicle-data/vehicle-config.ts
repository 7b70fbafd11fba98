// vehicle_config of the vehicle_data document. REST's codes differ from telemetry's in places, so the seed has priority.
// TeslaMate identifies the car by it and stores null over what it knew.

import { correctedValue } from '../corrected-value.js';
import { booleanOf, numberOf } from '../signal-reading.js';
import { decodedVin } from './decoded-vin.js';
import type { Facts, FieldOptions, FieldType, FieldValue, Row } from './field.js';
import { derived, flag, from, text, textOf, word } from './sources.js';

const leftOut: FieldOptions = { isOptional: true };
const SUNROOF = { NotInstalled: 0, Gen1Installed: 1, Gen2Installed: 2, '*': null };
const CAR_TYPES = { Model3: 'model3', ModelY: 'modely', ModelS: 'models', ModelX: 'modelx', Cybertruck: 'cybertruck' };

export const vehicleConfig: readonly Row[] = [
  seeded('aux_park_lamps', 'text', leftOut),
  seeded('badge_version', 'integer', leftOut),
  seeded('can_accept_navigation_requests', 'boolean', { otherwise: true }),
  seeded('can_actuate_trunks', 'boolean', { otherwise: true }),
  seeded('car_special_type', 'text', { otherwise: 'base' }),
  [
    'car_type',
    'text',
    word('CarType', 'CarType', { ...CAR_TYPES, '*': undefined }),
    { seed: 'first', otherwise: ({ seed }) => decodedVin(seed.vin).carType ?? null },
  ],
  ['charge_port_type', 'text', word('ChargePort', 'ChargePort'), { seed: 'first' }],
  seeded('cop_user_set_temp_supported', 'boolean', { otherwise: true }),
  seeded('dashcam_clip_save_supported', 'boolean', leftOut),
  seeded('default_charge_to_max', 'boolean', { otherwise: false }),
  seeded('driver_assist', 'text', leftOut),
  seeded('ece_restrictions', 'boolean', { otherwise: isEuropean }),
  ['efficiency_package', 'text', text('EfficiencyPackage'), { seed: 'first', isOptional: true }],
  ['eu_vehicle', 'boolean', flag('EuropeVehicle'), { seed: 'first', otherwise: false }],
  ['exterior_color', 'text', text('ExteriorColor'), { seed: 'first' }],
  seeded('exterior_trim', 'text', leftOut),
  seeded('exterior_trim_override', 'text', leftOut),
  seeded('front_drive_unit', 'text', leftOut),
  seeded('has_air_suspension', 'boolean', {}),
  seeded('has_ludicrous_mode', 'boolean', { otherwise: false }),
  seeded('has_seat_cooling', 'boolean', { otherwise: false }),
  seeded('headlamp_type', 'text', leftOut),
  seeded('interior_trim_type', 'text', leftOut),
  seeded('key_version', 'integer', leftOut),
  seeded('motorized_charge_port', 'boolean', { otherwise: true }),
  seeded('paint_color_override', 'text', leftOut),
  seeded('perf_config', 'text', leftOut),
  seeded('performance_package', 'text', leftOut),
  seeded('plg', 'boolean', { otherwise: false }),
  seeded('pws', 'boolean', leftOut),
  seeded('range_plus_badging', 'boolean', leftOut),
  seeded('rear_drive_unit', 'text', leftOut),
  ['rear_seat_heaters', 'integer', rearSeatHeaters(), { seed: 'first', otherwise: 0 }],
  seeded('rear_seat_type', 'integer', {}),
  [
    'rhd',
    'boolean',
    flag('RightHandDrive'),
    { seed: 'first', otherwise: ({ seed }) => decodedVin(seed.vin).isRightHandDrive },
  ],
  ['roof_color', 'text', text('RoofColor'), { seed: 'first' }],
  seeded('seat_type', 'integer', {}),
  seeded('sentry_preview_supported', 'boolean', leftOut),
  seeded('spoiler_type', 'text', { otherwise: 'None' }),
  seeded('steering_wheel_type', 'integer', leftOut),
  ['sun_roof_installed', 'integer', word('SunroofInstalled', 'SunroofInstalledState', SUNROOF), { seed: 'first' }],
  seeded('supports_qr_pairing', 'boolean', leftOut),
  seeded('third_row_seats', 'text', { otherwise: 'None' }),
  ['trim_badging', 'text', trimBadging(), { seed: 'first' }],
  seeded('use_range_badging', 'boolean', {}),
  seeded('utc_offset', 'integer', leftOut),
  seeded('webcam_selfie_supported', 'boolean', leftOut),
  seeded('webcam_supported', 'boolean', leftOut),
  ['wheel_type', 'text', text('WheelType'), { seed: 'first' }],
];

/** No signal has it. */
function seeded(name: string, type: FieldType, options: FieldOptions): Row {
  return [name, type, undefined, { seed: 'first', ...options }];
}

function isEuropean({ state, seed }: Facts): FieldValue {
  return booleanOf(correctedValue(state, 'EuropeVehicle')) ?? seed.sections.vehicle_config?.eu_vehicle === true;
}

/** The signal is text; an integer in the document, or clients with static types fail. */
function rearSeatHeaters() {
  return from(['RearSeatHeaters'], ({ state }) => {
    const value = correctedValue(state, 'RearSeatHeaters');
    return value === undefined || value === null ? undefined : numberOf(value);
  });
}

/** REST spells it in lower case. */
function trimBadging() {
  return derived(['Trim'], ({ state }) => textOf(state, 'Trim')?.toLowerCase());
}
