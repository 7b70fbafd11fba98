// One step of a simulated vehicle: advances its model and collects the changed signals for one record.
import type { Datum } from '@fleetbridge/protocol';
import { dueSignals, markSent } from './signal-schedule.js';
import { advance, type Phase, type VehicleModel } from './vehicle-model.js';
import { readSignal } from './vehicle-signals.js';

export interface VehicleStep {
  /** The vehicle's clock after the step: `created_at` of a record with these signals. */
  readonly timeMs: number;
  readonly phase: Phase;
  /** A sleeping vehicle is not connected. */
  readonly isAwake: boolean;
  /** Due by the telemetry configuration; may be empty. */
  readonly signals: Datum[];
}

/** The window in which a vehicle collects signals for one record; the usual duration of `stepVehicleModel`. */
export const WINDOW_MS = 500;
const TICK_MS = 100;

/** A sleeping vehicle changes slowly, and sends nothing. */
const SLEEP_TICK_MS = 60_000;

/** Advances the model in place by `durationMs`. */
export function stepVehicleModel(model: VehicleModel, durationMs: number): VehicleStep {
  for (let leftMs = durationMs; leftMs > 0; ) {
    const tickMs = Math.min(leftMs, tickOf(model));
    advance(model, tickMs);
    leftMs -= tickMs;
  }
  const isAwake = model.phase !== 'sleep';
  return { timeMs: model.timeMs, phase: model.phase, isAwake, signals: isAwake ? signalsToSend(model) : [] };
}

/** The window to step by: a sleeping vehicle has no windows until its phase ends. */
export function nextWindowMs({ phase, phaseSecondsLeft }: VehicleModel, longestMs: number): number {
  if (phase !== 'sleep') return WINDOW_MS;
  const windows = Math.ceil(Math.min(longestMs, phaseSecondsLeft * 1_000) / WINDOW_MS);
  return Math.max(1, windows) * WINDOW_MS;
}

function tickOf({ phase, phaseSecondsLeft }: VehicleModel): number {
  if (phase !== 'sleep') return TICK_MS;
  return Math.min(SLEEP_TICK_MS, Math.max(1, Math.ceil(phaseSecondsLeft * 10)) * TICK_MS);
}

function signalsToSend(model: VehicleModel): Datum[] {
  const { schedule, timeMs, sent } = model;
  const signals = dueSignals(schedule, { timeMs, sent, read: (name) => readSignal(model, name) });
  markSent(sent, timeMs, signals);
  return signals;
}
