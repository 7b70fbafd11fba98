export { type SignalEnum, shortEnumName, signalEnums } from './enum-names.js';
export { type Flat, type FlatOptions, flatAlert, flatError, flatRecord, flatSignals, rfc3339 } from './flat-record.js';
export {
  type DecodedRecord,
  decodeRecord,
  RecordDecodeError,
  recordJson,
  type Signal,
  type SignalValue,
  signalNames,
  signalsOf,
} from './record.js';
export { type RecordTime, recordTime, reportedMs } from './record-time.js';
export { signalsWithUnit, signalUnit } from './signal-units.js';
export { fixedNotation, parseLocation } from './transforms.js';
