export { seededRandom, seedOf } from './random.js';
export { createRoute, munichLoop, type Place, type Route, type Waypoint } from './route.js';
export { type ProfiledSignal, signalProfile } from './signal-profile.js';
export {
  type ChargeState,
  createVehicleModel,
  defaultPlan,
  type Phase,
  type PhasePlan,
  type VehicleModel,
  type VehicleModelOptions,
} from './vehicle-model.js';
export { stepVehicleModel, type VehicleStep, WINDOW_MS } from './vehicle-step.js';
