export { buildConfiguration, type Destination, type Wanted } from './build.js';
export { type CheckOptions, checkConfiguration, type Mistake } from './check.js';
export { configurationHash, type Difference, type DiffOptions, diffConfigurations } from './diff.js';
export { type Fitted, fitToFirmware, KEY_FIRMWARE, type LeftOut } from './fit.js';
export type { FieldSettings, Fields, TelemetryConfiguration } from './types.js';
