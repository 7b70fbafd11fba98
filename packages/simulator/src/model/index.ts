export type { ChargerOptions } from './charger.js';
export { applyControls, fallAsleep, type VehicleControls, wakeUp } from './controls.js';
export { seededRandom, seedOf } from './random.js';
export { createRoute, munichLoop, type Place, type Route, type Waypoint } from './route.js';
export {
  createSignalSchedule,
  dueSignals,
  markSent,
  type ScheduledSignal,
  type ScheduleMoment,
  type SentSignal,
  type SentSignals,
  type SignalSchedule,
} from './signal-schedule.js';

export {
  defaultTelemetry,
  isSignalName,
  type SignalName,
  type TelemetryConfig,
  type TelemetryField,
  withoutSignals,
} from './telemetry-config.js';
export {
  type ChargeState,
  configureTelemetry,
  createVehicleModel,
  DEFAULT_FIRMWARE,
  defaultPlan,
  type Phase,
  type PhasePlan,
  type VehicleModel,
  type VehicleModelOptions,
} from './vehicle-model.js';
export { nextWindowMs, stepVehicleModel, type VehicleStep, WINDOW_MS } from './vehicle-step.js';
