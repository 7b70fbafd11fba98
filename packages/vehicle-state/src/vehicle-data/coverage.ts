// Where each field of a vehicle's document comes from, for the owner who wonders why one is missing.
import { type Facts, type Origin, type Row, resolveField } from './field.js';
import { innerObjects } from './inner-objects.js';
import { sections } from './sections.js';

/** By section and field (docs/protocol/teslamate.md#rest). */
const losses: Readonly<Record<string, string>> = {
  'drive_state.latitude': 'everything: the vehicle stays offline',
  'drive_state.longitude': 'everything: the vehicle stays offline',
  'vehicle_state.odometer': 'everything: the vehicle stays offline',
  'charge_state.ideal_battery_range': 'everything: the vehicle stays offline',
  'drive_state.shift_state': 'drives',
  'drive_state.speed': 'speed of positions',
  'drive_state.power': 'power of positions; usage that wakes it from suspending',
  'drive_state.heading': 'direction on the live page',
  'charge_state.battery_level': 'battery level of positions and charges',
  'charge_state.usable_battery_level': 'usable battery level',
  'charge_state.battery_range': 'rated range',
  'charge_state.est_battery_range': 'estimated range',
  'charge_state.charging_state': 'charges',
  'charge_state.charger_voltage': 'energy used in charges',
  'charge_state.charger_actual_current': 'energy used in charges',
  'charge_state.charger_phases': 'energy used in AC charges, until 15 rows are stored',
  'charge_state.charge_limit_soc': 'charge limit on the live page',
  'climate_state.inside_temp': 'inside temperature',
  'climate_state.outside_temp': 'outside temperature, and consumption by temperature',
  'climate_state.is_climate_on': 'climate of positions',
  'vehicle_state.car_version': 'software updates',
  'vehicle_state.locked': 'locked on the live page; suspending only when locked',
  'vehicle_state.is_user_present': 'suspending may begin with a person in the car',
  'vehicle_state.df': 'suspending may begin with an open door',
  'vehicle_state.vehicle_name': 'name of the car',
  'vehicle_config.car_type': 'model of the car',
  'vehicle_config.trim_badging': 'marketing name and efficiency of the car',
  'vehicle_config.exterior_color': 'picture of the car',
  'vehicle_config.wheel_type': 'picture of the car',
  'vehicle_state.tpms_pressure_fl': 'tyre pressures',
};

export interface FieldCoverage {
  section: string;
  field: string;
  /** `missing`: neither telemetry nor the seed has it, and there is no default. */
  origin: Origin | 'missing';
  /** The signals that decide it: those to add to the telemetry configuration when it is missing. */
  signals: readonly string[];
  /** Of the newest of them, ISO 8601; null: it was never received. */
  time: string | null;
  /** What TeslaMate can't record without it. */
  loses?: string;
}

/** Where each field of the document comes from. */
export function fieldCoverage(facts: Facts): FieldCoverage[] {
  const tables = [
    ...Object.entries(sections),
    ...Object.entries(innerObjects).map(([name, rows]) => [`vehicle_state.${name}`, rows] as const),
  ];
  return tables.flatMap(([section, rows]) => rows.map((row) => coverageOf(section, row, facts)));
}

function coverageOf(section: string, row: Row, facts: Facts): FieldCoverage {
  const [field, , source] = row;
  const signals = source?.signals ?? [];
  const times = signals.flatMap((name) => facts.state.readings.get(name)?.timeMs ?? []);
  const resolved = resolveField(row, section, facts);
  const isMissing = resolved === undefined || (resolved.value === null && resolved.origin === 'default');
  const origin = isMissing ? 'missing' : resolved.origin;
  const time = times.length === 0 ? null : new Date(Math.max(...times)).toISOString();
  const loses = isMissing ? losses[`${section}.${field}`] : undefined;
  return { section, field, origin, signals, time, ...(loses === undefined ? {} : { loses }) };
}
