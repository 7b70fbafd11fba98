// Which signals a vehicle sends when, as a pure function of its telemetry configuration, of the values, and of what was sent
// before: a signal is sent when it has changed by at least its minimum_delta and its interval has passed.

import { type Datum, Field, type Value } from '@fleetbridge/protocol';
import { distanceBetweenM, type Place } from './route.js';
import { isSignalName, type SignalName, type TelemetryConfig } from './telemetry-config.js';

export interface SignalSchedule {
  readonly signals: readonly ScheduledSignal[];
  /** Names in the configuration that the protocol lacks; a vehicle ignores them. */
  readonly unknownNames: readonly string[];
}

export interface ScheduledSignal {
  readonly name: SignalName;
  readonly field: number;
  readonly intervalMs: number;
  readonly minimumDelta: number;
  /** Infinity: never sent again without a change. */
  readonly resendMs: number;
  readonly included: readonly SignalName[];
}

/** What was sent last, by field number. */
export type SentSignals = ReadonlyMap<number, SentSignal>;

export interface SentSignal {
  readonly timeMs: number;
  readonly value: Value;
}

export interface ScheduleMoment {
  readonly timeMs: number;
  readonly sent: SentSignals;
  /** undefined: the vehicle does not have this signal. */
  readonly read: (name: SignalName) => Value | undefined;
}

/** Throws RangeError for an interval below 1 s, and for a negative minimum_delta or resend_interval_seconds. */
export function createSignalSchedule({ fields }: TelemetryConfig): SignalSchedule {
  const signals: ScheduledSignal[] = [];
  const unknownNames = new Set<string>();
  const known = (name: string): name is SignalName => {
    if (!isSignalName(name)) unknownNames.add(name);
    return isSignalName(name);
  };
  for (const [name, { interval_seconds, minimum_delta, resend_interval_seconds, include_fields }] of Object.entries(
    fields,
  )) {
    if (!(interval_seconds >= 1)) throw new RangeError(`${name}: interval_seconds must be 1 or more`);
    if (minimum_delta !== undefined && !(minimum_delta >= 0)) {
      throw new RangeError(`${name}: minimum_delta must be 0 or more`);
    }
    if (resend_interval_seconds !== undefined && !(resend_interval_seconds >= 0)) {
      throw new RangeError(`${name}: resend_interval_seconds must be 0 or more`);
    }
    if (!known(name)) continue;
    signals.push({
      name,
      field: Field[name],
      intervalMs: interval_seconds * 1_000,
      minimumDelta: minimum_delta ?? 0,
      resendMs: resend_interval_seconds ? resend_interval_seconds * 1_000 : Number.POSITIVE_INFINITY,
      included: (include_fields ?? []).filter(known),
    });
  }
  return { signals, unknownNames: [...unknownNames] };
}

/** The signals to send now, in the order of the configuration, each once. */
export function dueSignals({ signals }: SignalSchedule, moment: ScheduleMoment): Datum[] {
  const due = new Map<SignalName, Value>();
  for (const signal of signals) {
    const value = dueValue(signal, moment);
    if (value === undefined) continue;
    due.set(signal.name, value);
    for (const name of signal.included) {
      const included = moment.read(name);
      if (included !== undefined) due.set(name, included);
    }
  }
  return [...due].map(([name, value]) => ({ key: Field[name], value }));
}

/** Remembers what was sent; changes `sent`. */
export function markSent(sent: Map<number, SentSignal>, timeMs: number, signals: readonly Datum[]): void {
  for (const { key, value } of signals) sent.set(key as number, { timeMs, value: value! });
}

function dueValue(signal: ScheduledSignal, { timeMs, sent, read }: ScheduleMoment): Value | undefined {
  const last = sent.get(signal.field);
  if (last === undefined) return read(signal.name);
  const elapsedMs = timeMs - last.timeMs;
  if (elapsedMs < signal.intervalMs) return undefined;
  const value = read(signal.name);
  if (value === undefined || elapsedMs >= signal.resendMs) return value;
  return hasChanged(last.value, value, signal.minimumDelta) ? value : undefined;
}

/** A minimum of 0 means any change. Only numbers and places have a size of change. */
function hasChanged(before: Value, now: Value, minimumDelta: number): boolean {
  const change = sizeOfChange(before, now);
  if (change === undefined) return JSON.stringify(before) !== JSON.stringify(now);
  return change > 0 && change >= minimumDelta - 1e-9;
}

function sizeOfChange(before: Value, now: Value): number | undefined {
  if (typeof before.doubleValue === 'number' && typeof now.doubleValue === 'number') {
    return Math.abs(now.doubleValue - before.doubleValue);
  }
  if (!before.locationValue || !now.locationValue) return undefined;
  return distanceBetweenM(before.locationValue as Place, now.locationValue as Place);
}
