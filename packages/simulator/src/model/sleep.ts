// A vehicle that is woken up, or put to sleep, outside its plan.
import { standStill } from './driving.js';
import type { VehicleModel } from './vehicle-model.js';

/** How long a vehicle that was woken up stays awake before its plan continues. */
const AWAKE_SECONDS = 600;

export function wakeUp(model: VehicleModel): void {
  if (model.phase !== 'sleep') return;
  model.phase = 'park';
  model.phaseSecondsLeft = AWAKE_SECONDS;
}

/** Until it is woken up. A vehicle that drives stops at once. */
export function fallAsleep(model: VehicleModel): void {
  model.phase = 'sleep';
  model.phaseSecondsLeft = Number.POSITIVE_INFINITY;
  model.motion = standStill(model.motion.alongM);
  model.chargerPowerKw = 0;
}
