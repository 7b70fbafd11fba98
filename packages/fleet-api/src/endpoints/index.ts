export type {
  SentConfiguration,
  SkippedVehicle,
  TelemetryReport,
  VehicleStatus,
  VehicleSummary,
} from './answers.js';
export {
  type CommandLimit,
  type ConfigurationRequest,
  createOwnerApi,
  type OwnerApi,
  type RawAnswer,
} from './owner-api.js';
export { createPartnerApi, type PartnerApi } from './partner-api.js';
