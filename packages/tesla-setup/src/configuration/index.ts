export {
  type Applied,
  type ApplyParts,
  type ApplyRequest,
  applyConfiguration,
  type Comparison,
  compareWithTesla,
} from './apply.js';
export { applyWanted } from './apply-wanted.js';
export { type DesiredConfiguration, desiredConfiguration } from './desired.js';
export { removeConfiguration } from './remove.js';
export { type ChainParts, withRenewedAuthorities } from './renewed-authorities.js';
export { type FirmwareParts, firmwareOfVehicle, rememberFirmware } from './shown-firmware.js';
export {
  type FieldsSource,
  listVehicleConfigurations,
  readVehicleConfiguration,
  type SentConfiguration,
  type VehicleConfiguration,
  vehicleConfigurationOf,
  type WantedConfiguration,
  writeSent,
  writeWanted,
} from './vehicle-configuration.js';
export { newestReport, type ReportParts } from './vehicle-report.js';
