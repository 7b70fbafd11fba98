export { CLOCK_BEHIND_MS } from '../scripts/index.js';
export { AppendNotifier } from './append-notifier.js';
export { type AppendCall, Appender, type AppenderOptions, type AppendOutcome, type AppendReceipt } from './appender.js';
export { type LogEntry, parseEntry } from './entry.js';
export { LogPages } from './pages.js';
export { Quarantine } from './quarantine.js';
export { type PackedHead, packHead, type RecordKind, type RecordToAppend } from './record-packing.js';
export { trimPartition } from './retention.js';
export { LogTail, type TailOptions } from './tail.js';
