// The interface of @fleetbridge/simulator: vehicles that behave like Tesla's, and a client that behaves like TeslaMate.
export { LatencyHistogram } from './latency-histogram.js';
export { type LoadIdentity, type LoadOptions, type LoadResult, runLoad } from './load.js';
export {
  type ChargeState,
  createRoute,
  createVehicleModel,
  defaultPlan,
  munichLoop,
  type Phase,
  type PhasePlan,
  type Place,
  type ProfiledSignal,
  type Route,
  signalProfile,
  stepVehicleModel,
  type VehicleModel,
  type VehicleModelOptions,
  type VehicleStep,
  type Waypoint,
  WINDOW_MS,
} from './model/index.js';
export {
  type ParsedFrame,
  parseTeslaMateFrame,
  TeslaMateClient,
  type TeslaMateClientOptions,
  type TeslaMateEvent,
  type TeslaMateFrame,
  type TeslaMateMessage,
  teslaMateColumns,
} from './teslamate/index.js';
export {
  type Clock,
  connectVehicle,
  Ledger,
  type LedgerEntry,
  payloadDigest,
  realClock,
  SimulatedVehicle,
  type SimulatedVehicleEvent,
  type SimulatedVehicleOptions,
  VehicleConnectError,
  type VehicleConnection,
  type VehicleConnectionOptions,
} from './vehicle/index.js';
