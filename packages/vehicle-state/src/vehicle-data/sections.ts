// The vehicle_data document of a vehicle's state: six sections, each a table of fields, all with the same timestamp.
import { chargeState } from './charge-state.js';
import { climateState } from './climate-state.js';
import { driveState } from './drive-state.js';
import { type Facts, type FieldValue, type Row, resolveField } from './field.js';
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
