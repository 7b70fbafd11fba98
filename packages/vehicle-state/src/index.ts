export { advanceCharging, energyAdded, isDcCharging } from './charging-session.js';
export { correctedValue, signalNumber } from './corrected-value.js';
export { ColumnsError, defaultColumns, type FrameRow, formatFrame, parseColumns, toFrameRow } from './frame.js';
export { type FrameColumn, frameColumns } from './frame-columns.js';
export { FrameSequence } from './frame-sequence.js';
export { locationAt } from './location.js';
export { KM_PER_MILE, type OdometerUnit, odometerUnit } from './odometer.js';
export { isNewerReading, type Reading, type ReadingTime } from './reading.js';
export { isCharging, isInDrive, type ShiftLetter, shownPowerKw, shownShift } from './shift-and-power.js';
export { booleanOf, enumTailOf, type Location, locationOf, numberOf } from './signal-reading.js';
export { allReadings, readingsToHash, stateFromHash } from './snapshot-hash.js';
export {
  CHARGING,
  CONNECTIVITY,
  type Connectivity,
  emptyState,
  mergeRecord,
  mergeStates,
  newestReadingMs,
  ODOMETER_MARKS,
  type VehicleRecord,
  type VehicleState,
} from './state.js';
export { stateOfCharge } from './state-of-charge.js';
export {
  decodedVin,
  emptySeed,
  type Facts,
  type FieldCoverage,
  fieldCoverage,
  parseSeed,
  type Section,
  type Seed,
  SeedError,
  type SeedSections,
  updateStatus,
  type VehicleEntry,
  type VehicleFacts,
  type VehicleIds,
  type VehicleStatus,
  vehicleDataSchema,
  vehicleDataSections,
  vehicleEntry,
  vehicleTop,
} from './vehicle-data/index.js';
export { type VehicleJson, vehicleJson } from './vehicle-json.js';
export {
  hasVehicleData,
  newestEntryId,
  onlineUntilMs,
  type StatusNow,
  type StatusOptions,
  type StatusTimes,
  statusTimes,
  vehicleStatus,
} from './vehicle-status.js';
