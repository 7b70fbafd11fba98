export {
  type Applied,
  type ConfiguredVehicle,
  type ConfiguredVehicleOptions,
  createConfiguredVehicle,
  type VehicleError,
} from './configured-vehicle.js';
export type { SignalCount } from './signal-count.js';
