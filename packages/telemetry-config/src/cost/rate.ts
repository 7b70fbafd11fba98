import type { Fields } from '../configuration/index.js';

/** Signals per hour while the vehicle is awake. */
export interface SignalRate {
  /** Every field changes in each interval. */
  ceiling: number;
  /** Nothing changes: resends alone. */
  floor: number;
}

/** An included field counts as one signal of each record that carries it. */
export function signalRate(fields: Fields): SignalRate {
  const rate = { ceiling: 0, floor: 0 };
  for (const { interval_seconds, resend_interval_seconds, include_fields = [] } of Object.values(fields)) {
    const signals = 1 + include_fields.length;
    rate.ceiling += (3_600 * signals) / interval_seconds;
    if (resend_interval_seconds) rate.floor += (3_600 * signals) / Math.max(interval_seconds, resend_interval_seconds);
  }
  return rate;
}
