// The fields of a configuration as a vehicle checks them. What a vehicle does with a key or signal that is newer than its
// firmware is not documented; this one refuses the configuration, so that sending one is noticed.
import { fitToFirmware } from '@fleetbridge/telemetry-config';
import { createSignalSchedule, type TelemetryConfig } from '../model/index.js';

/** A reason as text when the vehicle does not accept them. */
export function fieldsProblem(telemetry: TelemetryConfig, firmware: string): string | undefined {
  try {
    createSignalSchedule(telemetry);
  } catch (error) {
    return (error as Error).message;
  }
  const asked = telemetry.fields as Parameters<typeof fitToFirmware>[0];
  const { fields, leftOut } = fitToFirmware(asked, firmware);
  const [first] = leftOut;
  if (first !== undefined) {
    const what = first.key === undefined ? first.field : `${first.field}.${first.key}`;
    return `${what} needs firmware ${first.needs}, the vehicle has ${firmware}`;
  }
  for (const [name, { include_fields = [] }] of Object.entries(asked)) {
    const known = fields[name]?.include_fields ?? [];
    const unknown = include_fields.find((included) => !known.includes(included));
    if (unknown !== undefined) return `${name} includes ${unknown}, which firmware ${firmware} does not have`;
  }
  return undefined;
}
