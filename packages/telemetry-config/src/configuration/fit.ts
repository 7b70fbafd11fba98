// Removes from a configuration what the firmware of a vehicle has not shown that it knows.
import { atLeast, signalFacts } from '../catalogue/index.js';
import type { FieldSettings, Fields } from './types.js';

/** The first firmware with each key of a field. */
export const KEY_FIRMWARE = {
  minimum_delta: '2024.44.32',
  resend_interval_seconds: '2024.44.32',
  include_fields: '2026.26.6',
} as const;
const LOCATION_DELTA_FIRMWARE = '2025.2.6';

/** `field` without `key`: the whole signal. */
export interface LeftOut {
  field: string;
  key?: keyof typeof KEY_FIRMWARE;
  needs: string;
}

export interface Fitted {
  fields: Fields;
  leftOut: LeftOut[];
}

export function fitToFirmware(fields: Fields, firmware: string): Fitted {
  const leftOut: LeftOut[] = [];
  const fitted: Record<string, FieldSettings> = {};
  const isKnown = (name: string) => atLeast(firmware, signalFacts(name)?.firmware ?? '0');
  for (const [field, settings] of Object.entries(fields)) {
    if (!isKnown(field)) {
      leftOut.push({ field, needs: signalFacts(field)!.firmware! });
      continue;
    }
    const kept: FieldSettings = { ...settings };
    for (const key of Object.keys(KEY_FIRMWARE) as (keyof typeof KEY_FIRMWARE)[]) {
      const needs = key === 'minimum_delta' && field === 'Location' ? LOCATION_DELTA_FIRMWARE : KEY_FIRMWARE[key];
      if (kept[key] === undefined || atLeast(firmware, needs)) continue;
      delete kept[key];
      leftOut.push({ field, key, needs });
    }
    if (kept.include_fields) {
      const known = kept.include_fields.filter(isKnown);
      if (known.length > 0) kept.include_fields = known;
      else delete kept.include_fields;
    }
    fitted[field] = kept;
  }
  return { fields: fitted, leftOut };
}
