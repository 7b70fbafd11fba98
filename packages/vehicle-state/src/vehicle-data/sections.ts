// The vehicle_data document of a vehicle's state: six sections, each a table of fields, all with the same timestamp.
import { chargeState } from './charge-state.js';
import { climateState } from './climate-state.js';
import { driveState } from './drive-state.js';
import { type Facts, type FieldValue, type Origin, type Row, resolveField } from './field.js';
import { guiSettings } from './gui-settings.js';
import { innerObjects } from './inner-objects.js';
import { vehicleConfig } from './vehicle-config.js';
import { vehicleState } from './vehicle-section.js';

export const sections: Readonly<Record<string, readonly Row[]>> = {
  charge_state: chargeState,
  climate_state: climateState,
  drive_state: driveState,
  gui_settings: guiSettings,
  vehicle_config: vehicleConfig,
  vehicle_state: vehicleState,
};

export type Section = Record<string, FieldValue | Record<string, FieldValue>>;

/** Without a timestamp, so that the sections of a state can be kept until the state changes. */
export function vehicleDataSections(facts: Facts): Record<string, Section> {
  const document: Record<string, Section> = {};
  for (const [name, rows] of Object.entries(sections)) document[name] = resolvedSection(name, rows, facts);
  for (const [name, rows] of Object.entries(innerObjects)) {
    document.vehicle_state![name] = resolvedSection(`vehicle_state.${name}`, rows, facts);
  }
  return document;
}

function resolvedSection(section: string, rows: readonly Row[], facts: Facts): Record<string, FieldValue> {
  const fields: Record<string, FieldValue> = {};
  for (const row of rows) {
    const field = resolveField(row, section, facts);
    if (field) fields[row[0]] = field.value;
  }
  return fields;
}

export interface FieldCoverage {
  section: string;
  field: string;
  /** `missing`: neither telemetry nor the seed has it, and there is no default. */
  origin: Origin | 'missing';
  /** The signals that decide it, if there are some. */
  signals: readonly string[];
  /** Time of the newest of its signals, epoch ms. */
  timeMs: number | undefined;
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
  return { section, field, origin, signals, timeMs: times.length === 0 ? undefined : Math.max(...times) };
}
