export { type FieldCoverage, fieldCoverage } from './coverage.js';
export { decodedVin } from './decoded-vin.js';
export type { Facts, FieldType, FieldValue, Origin, Row } from './field.js';
export { vehicleDataSchema } from './schema.js';
export { type Section, vehicleDataSections } from './sections.js';
export { emptySeed, parseSeed, type Seed, SeedError, type SeedSections } from './seed.js';
export { type UpdateStatus, updateStatus } from './software-update.js';
export {
  type VehicleEntry,
  type VehicleFacts,
  type VehicleIds,
  type VehicleStatus,
  vehicleEntry,
  vehicleTop,
} from './vehicle-row.js';
