// TeslaMate at less than half of the price: positions every 5 s, most of the rest half as often.
import type { FieldPlan, Profile } from './profile.js';
import { teslamate } from './teslamate.js';

/** Where half as often is not what this profile wants. */
const own: Record<string, Partial<FieldPlan>> = {
  Location: { interval: 5, delta: 5 },
  VehicleSpeed: { interval: 5, intervalWhenIncluded: 30, delta: 1 },
  // late, these would cut drives and charges short
  Gear: { interval: 1 },
  DetailedChargeState: { interval: 1 },
  GpsHeading: { interval: 10, intervalWhenIncluded: 60, delta: 5 },
  Odometer: { interval: 60, intervalWhenIncluded: 300, delta: 0.1 },
  PackVoltage: { interval: 10, intervalWhenIncluded: 60, delta: 1 },
  PackCurrent: { interval: 10, intervalWhenIncluded: 30, delta: 1 },
};

export const economy: Profile = {
  summary: "TeslaMate's fields at less than half of the cost: positions every 5 s, the rest half as often",
  fields: Object.fromEntries(
    Object.entries(teslamate.fields).map(([name, plan]) => [name, { ...halfAsOften(plan), ...own[name] }]),
  ),
  alertTypes: teslamate.alertTypes,
};

function halfAsOften(plan: FieldPlan): FieldPlan {
  const { interval, resend } = plan;
  return { ...plan, interval: interval * 2, ...(resend === undefined ? {} : { resend: resend * 2 }) };
}
