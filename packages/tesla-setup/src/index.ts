// From a Tesla developer account to the first frame: what `setup`, `config`, `doctor` and the watch of the gateway share.
export {
  type AuthoritiesResult,
  certificateAuthorities,
  isTrustedBy,
  knownRoots,
  type ServerPlace,
  servedChain,
} from './chain/index.js';
export { type CheckName, type Colour, checks, doctorProblems, type Finding } from './checks/index.js';
export {
  type Applied,
  type ApplyParts,
  type ApplyRequest,
  applyConfiguration,
  applyWanted,
  type ChainParts,
  type Comparison,
  compareWithTesla,
  type DesiredConfiguration,
  desiredConfiguration,
  type FieldsSource,
  type FirmwareParts,
  firmwareOfVehicle,
  listVehicleConfigurations,
  readVehicleConfiguration,
  rememberFirmware,
  removeConfiguration,
  type SentConfiguration,
  type VehicleConfiguration,
  type WantedConfiguration,
  withRenewedAuthorities,
  writeSent,
  writeWanted,
} from './configuration/index.js';
export { type DoctorOptions, type DoctorReport, type Place, runDoctor } from './doctor/index.js';
export { PUBLIC_KEY_PATH, rootOf } from './domain/index.js';
export {
  type Dialogue,
  type Network,
  type Outcome,
  type Question,
  runSetup,
  SetupCancelled,
  type SetupContext,
  type SetupEvent,
  type SetupFacts,
  type SetupOptions,
  type SetupResult,
  type Step,
  type StepName,
  steps,
} from './steps/index.js';
export {
  type SendReason,
  type Watched,
  type WatchedVehicle,
  type WatchMemory,
  type WatchParts,
  watchedVehicles,
  watchVehicle,
} from './watch/index.js';
