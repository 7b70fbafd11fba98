// What changes a vehicle outside its plan: commands, wake-up, and sleep.
import { socOf } from './battery.js';
import { standStill } from './driving.js';
import type { VehicleModel } from './vehicle-model.js';

/** What a command sets. Locks and the stop of a charge last until the next phase of the plan. */
export interface VehicleControls {
  readonly isLocked?: boolean;
  readonly isChargingStopped?: boolean;
  readonly chargeLimitSoc?: number;
  readonly isClimateOn?: boolean;
}

export function applyControls(model: VehicleModel, controls: VehicleControls): void {
  Object.assign(model, controls);
  // a complete charge continues below a higher limit
  if (model.chargeState === 'Complete' && socOf(model.energyKwh) < model.chargeLimitSoc) model.chargeState = 'Starting';
}

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
  model.isClimateOn = false;
}
