export {
  Envelope,
  EnvelopeError,
  type EnvelopeErrorReason,
  MAX_MESSAGE_BYTES,
  readEnvelope,
  STREAM,
  STREAM_ACK,
} from './envelope-reader.js';
export {
  ackSize,
  buildAck,
  buildErrorAnswer,
  type RecordEnvelope,
  writeAck,
  writeRecordEnvelope,
} from './envelope-writer.js';
