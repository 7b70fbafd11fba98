// What Tesla bills for the current month: so far, expected, and at most and at least by the configuration.
import { type DayCount, forecastMonth, monthDays } from './forecast.js';
import { dollarsOf, prices, type Usage, type UsageKind, usageKinds } from './prices.js';
import type { SignalRate } from './rate.js';

export interface MonthUsage {
  /** VIN → signals by day. */
  signals: ReadonlyMap<string, readonly DayCount[]>;
  /** Calls of the Fleet API by day. */
  calls: readonly ({ day: string } & Omit<Usage, 'signals'>)[];
  nowMs: number;
  /** Of the configuration of each vehicle. */
  rate: SignalRate;
}

export interface MonthCost {
  /** 2026-11 */
  month: string;
  vehicles: { vin: string; soFar: number; expected: number | undefined; dollars: number }[];
  soFar: Usage;
  expected: Partial<Usage>;
  /** Before the credit. */
  dollars: { soFar: number; expected: number | undefined; ceiling: number; floor: number; credit: number };
}

const HOUR_MS = 3_600_000;

export function monthCost({ signals, calls, nowMs, rate }: MonthUsage): MonthCost {
  const today = new Date(nowMs).toISOString().slice(0, 10);
  const vehicles = [...signals].map(([vin, days]) => {
    const forecast = forecastMonth(days, today);
    return { vin, ...forecast, dollars: dollarsOf({ signals: forecast.soFar }) };
  });
  const byKind = Object.fromEntries(
    usageKinds.map((kind) => {
      const days =
        kind === 'signals' ? [...signals.values()].flat() : calls.map((day) => ({ ...day, count: day[kind] }));
      return [kind, forecastMonth(days, today)];
    }),
  ) as Record<UsageKind, { soFar: number; expected: number | undefined }>;
  const soFar = Object.fromEntries(usageKinds.map((kind) => [kind, byKind[kind].soFar])) as Record<UsageKind, number>;
  const known = usageKinds.filter((kind) => byKind[kind].expected !== undefined);
  const expected: Partial<Usage> = Object.fromEntries(known.map((kind) => [kind, byKind[kind].expected]));
  const hoursLeft = (Date.parse(monthDays(today).at(-1)!) + 24 * HOUR_MS - nowMs) / HOUR_MS;
  const dollarsLeft = (perHour: number) => dollarsOf({ signals: perHour * hoursLeft * signals.size });
  const dollarsNow = dollarsOf(soFar);
  return {
    month: today.slice(0, 7),
    vehicles,
    soFar,
    expected,
    dollars: {
      soFar: dollarsNow,
      // a kind without a forecast yet counts as it is
      expected: known.length === 0 ? undefined : dollarsOf({ ...soFar, ...expected }),
      ceiling: dollarsNow + dollarsLeft(rate.ceiling),
      floor: dollarsNow + dollarsLeft(rate.floor),
      credit: prices.monthlyCreditDollars,
    },
  };
}

const NEAR = 0.8;

/** A sentence when the limit is reached, near, or expected to be exceeded. Tesla removes the configurations at the limit. */
export function costWarning({ dollars }: MonthCost, limitDollars: number): string | undefined {
  const limit = `US$${limitDollars.toFixed(2)}`;
  const effect = 'At the billing limit Tesla removes the telemetry configurations, and they must be sent again.';
  if (dollars.soFar >= limitDollars) return `The limit of ${limit} is reached. ${effect}`;
  if (dollars.soFar >= NEAR * limitDollars) return `More than 80 % of ${limit} is used. ${effect}`;
  if (dollars.expected !== undefined && dollars.expected > limitDollars)
    return `The month is expected to exceed ${limit}. ${effect} A cheaper profile: fleetbridge config show economy`;
  return undefined;
}
