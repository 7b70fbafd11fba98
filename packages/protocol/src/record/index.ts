export { type SignalEnum, shortEnumName, signalEnums } from './enum-names.js';
export { type Flat, type FlatOptions, flatAlert, flatError, flatRecord, rfc3339 } from './flat-record.js';
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
export { signalUnit } from './signal-units.js';
export { parseLocation } from './transforms.js';
