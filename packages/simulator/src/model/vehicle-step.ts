// One step of a simulated vehicle: time passes in its model, and what changed is collected for one record.
import type { Datum } from '@fleetbridge/protocol';
import { dueSignals } from './signal-profile.js';
import { live, type Phase, type VehicleModel } from './vehicle-model.js';

export interface VehicleStep {
  /** The vehicle's clock after the step: `created_at` of a record with these signals. */
  readonly timeMs: number;
  readonly phase: Phase;
  /** A vehicle that is asleep is not connected. */
  readonly isAwake: boolean;
  /** Changed since they were last sent, and due by their intervals. Empty: there is nothing to send. */
  readonly signals: Datum[];
}

/** The window in which a vehicle collects signals for one record; what `stepVehicleModel` is meant to be called with. */
export const WINDOW_MS = 500;
const TICK_MS = 100;

/** Lets `durationMs` pass, in place. */
export function stepVehicleModel(model: VehicleModel, durationMs: number): VehicleStep {
  for (let leftMs = durationMs; leftMs > 0; leftMs -= TICK_MS) live(model, Math.min(TICK_MS, leftMs));
  const isAwake = model.phase !== 'sleep';
  return { timeMs: model.timeMs, phase: model.phase, isAwake, signals: isAwake ? dueSignals(model) : [] };
}
