export { AdmissionStore, type Verdict } from './admission-store.js';
export { LogWaker } from './append-notifier.js';
export { Appender, type AppenderOptions, type AppendOutcome, type AppendReceipt } from './appender.js';
export { type Checkpoint, CheckpointStore } from './checkpoint-store.js';
export { connectRedis, type RedisConnection, whenReady } from './connection.js';
export { connectivityPayload } from './connectivity.js';
export { joinDispatchers, leaveDispatchers } from './dispatchers.js';
export { BEGINNING, compareEntryIds, type LogEntry } from './entry.js';
export { LayoutMismatch, LeaseLost, LogUnavailable, RedisTooOld } from './errors.js';
export { type Forgotten, ForgottenVehicles, forgetVehicle, rewriteAppendOnlyFiles } from './forget-vehicle.js';
export { type Layout, partitionKeys, partitionOf } from './keys.js';
export { agreeOnLayout, agreeOnLayoutWhenReady } from './layout.js';
export { type HeldLease, releaseLease, renewLease, takeLease } from './lease.js';
export { type LogOverview, readLogOverview, type VehicleSeen } from './log-overview.js';
export { memoryUse } from './memory.js';
export { lastHeardMs } from './newest-records.js';
export { LogPages } from './pages.js';
export { type Connection, PROCESS_LEASE_MS, Presence } from './presence.js';
export { Quarantine } from './quarantine.js';
export { type PackedHead, packHead, type RecordKind, type RecordToAppend } from './record-packing.js';
export { type ReplacedConnection, watchReplacedConnections } from './replaced-connections.js';
export { trimPartition } from './retention.js';
export { type SlotAnswer, SlotStore, type SlotTimes, type SlotUpdate, type SlotWish } from './slot-store.js';
export { SNAPSHOT_LEASE, type Snapshot, type SnapshotChanges, SnapshotStore } from './snapshot-store.js';
export { SubscriptionControl, type SubscriptionLag } from './subscription-control.js';
export { type StoredSubscription, SubscriptionStore } from './subscription-store.js';
export {
  type DeadLetter,
  type PendingEntry,
  type SubscriptionPartition,
  SubscriptionWork,
  takeSubscription,
} from './subscription-work.js';
export { LogTail, type TailOptions } from './tail.js';
export { type TokenGrant, TokenStore } from './token-store.js';
