export { sendRecords } from './backpressure.js';
export { formatCursor, parseCursor } from './log-cursor.js';
export { LogRecord, LogRecords } from './log-records.js';
export { RecordStream, type StreamItem, type StreamStart } from './record-stream.js';
export { streamStart } from './stream-start.js';
