export { type Clock, realClock } from './clock.js';
export { Ledger, type LedgerEntry, payloadDigest } from './ledger.js';
export {
  SimulatedVehicle,
  type SimulatedVehicleEvent,
  type SimulatedVehicleOptions,
  type VehicleServer,
} from './vehicle.js';
export {
  connectVehicle,
  VehicleConnectError,
  type VehicleConnection,
  type VehicleConnectionOptions,
} from './vehicle-connection.js';
