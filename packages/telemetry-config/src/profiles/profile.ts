// A profile: which signals to ask for, how often, and why.
import { type FieldSettings, type Fields, type Fitted, fitToFirmware } from '../configuration/index.js';

export interface FieldPlan {
  interval: number;
  /** Smaller changes are not sent. In the signal's unit, in metres for a location. */
  delta?: number;
  /** Sent again after so many seconds without a change, so that a lost value is repaired. */
  resend?: number;
  /** Signals whose newest values each record carries along. */
  include?: readonly string[];
  /** The interval when another field's records carry this signal along. */
  intervalWhenIncluded?: number;
  reason: string;
}

export interface Profile {
  summary: string;
  fields: Readonly<Record<string, FieldPlan>>;
  /** `latest`: after a gap only the newest value of each field is sent. Absent: all records. */
  deliveryPolicy?: 'latest';
  alertTypes: readonly string[];
}

/** The fields of the configuration for a vehicle of this firmware, and what was left out because of it. */
export function profileFields({ fields: plans }: Profile, firmware: string): Fitted {
  const { fields, leftOut } = fitToFirmware(
    Object.fromEntries(Object.entries(plans).map(([name, plan]) => [name, settingsOf(plan)])),
    firmware,
  );
  const included = new Set(Object.values(fields).flatMap(({ include_fields = [] }) => include_fields));
  const slowed: Fields = Object.fromEntries(
    Object.entries(fields).map(([name, settings]) => {
      const slower = included.has(name) ? plans[name]!.intervalWhenIncluded : undefined;
      return [name, slower === undefined ? settings : { ...settings, interval_seconds: slower }];
    }),
  );
  return { fields: slowed, leftOut };
}

function settingsOf({ interval, delta, resend, include }: FieldPlan): FieldSettings {
  return {
    interval_seconds: interval,
    ...(delta === undefined ? {} : { minimum_delta: delta }),
    ...(resend === undefined ? {} : { resend_interval_seconds: resend }),
    ...(include === undefined ? {} : { include_fields: include }),
  };
}
