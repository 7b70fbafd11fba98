export { BEGINNING, compareEntryIds, entryMs, isAfter, justBefore } from './entry-id.js';
export {
  Envelope,
  EnvelopeError,
  type EnvelopeErrorReason,
  MAX_MESSAGE_BYTES,
  readEnvelope,
  STREAM,
  STREAM_ACK,
} from './envelope.js';
export {
  ackSize,
  buildAck,
  buildErrorAnswer,
  type RecordEnvelope,
  writeAck,
  writeRecordEnvelope,
} from './envelope-writer.js';
export { type Flat, type FlatOptions, flatAlert, flatError, flatRecord, flatSignals, rfc3339 } from './flat-record.js';
export {
  ConnectivityEvent,
  type Datum,
  DetailedChargeState,
  decodeMessage,
  encodeMessage,
  Field,
  fieldName,
  type MessageOf,
  ShiftState,
  type Timestamp,
  timestampMs,
  timestampOf,
  type Value,
  type VehicleAlerts,
  type VehicleConnectivity,
  type VehicleData,
  type VehicleErrors,
} from './messages.js';
export { type PayloadFacts, PayloadInspector, vinField } from './payload.js';
export { toProtojson } from './protojson.js';
export { fromProtojson, ProtojsonError } from './protojson-reader.js';
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
export { type RecordTime, recordTime } from './record-time.js';
export { isTopic, type Topic, type TopicShape, topicShapes, topics } from './schema.js';
export { signalsWithUnit, signalUnit } from './signal-units.js';
export { fixedNotation, parseLocation } from './transforms.js';
export { isVin, normalizeVin, VIN_PATTERN } from './vin.js';
