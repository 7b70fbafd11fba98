// The door of @fleetbridge/simulator: vehicles that behave like Tesla's, and a client that behaves like TeslaMate.

export { type Clock, realClock } from './clock.js';
export { LatencyHistogram } from './latency-histogram.js';
export { Ledger, type LedgerEntry, payloadDigest } from './ledger.js';
export { type LoadIdentity, type LoadOptions, type LoadResult, runLoad } from './load.js';
export { createRoute, munichLoop, type Place, type Route, type Waypoint } from './route.js';
export { type ProfiledSignal, signalProfile } from './signal-profile.js';
export {
  TeslaMateClient,
  type TeslaMateClientOptions,
  type TeslaMateEvent,
  type TeslaMateMessage,
} from './teslamate-client.js';
export { type ParsedFrame, parseTeslaMateFrame, type TeslaMateFrame, teslaMateColumns } from './teslamate-frame.js';
export { SimulatedVehicle, type SimulatedVehicleEvent, type SimulatedVehicleOptions } from './vehicle.js';
export {
  connectVehicle,
  VehicleConnectError,
  type VehicleConnection,
  type VehicleConnectionOptions,
} from './vehicle-connection.js';
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
