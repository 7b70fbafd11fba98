export { AdmissionStore, type Verdict } from './admin/admission-store.js';
export { type Forgotten, ForgottenVehicles, forgetVehicle, rewriteAppendOnlyFiles } from './admin/forget-vehicle.js';
export { type LogOverview, readLogOverview, type VehicleSeen } from './admin/log-overview.js';
export { type TokenGrant, TokenStore } from './admin/token-store.js';
export { joinDispatchers, leaveDispatchers } from './lease/dispatchers.js';
export { type HeldLease, releaseLease, renewLease, takeLease } from './lease/lease.js';
export { LogWaker } from './log/append-notifier.js';
export { Appender, type AppenderOptions, type AppendOutcome, type AppendReceipt } from './log/appender.js';
export { BEGINNING, compareEntryIds, type LogEntry } from './log/entry.js';
export { LogPages } from './log/pages.js';
export { Quarantine } from './log/quarantine.js';
export { type PackedHead, packHead, type RecordKind, type RecordToAppend } from './log/record-packing.js';
export { trimPartition } from './log/retention.js';
export { LogTail, type TailOptions } from './log/tail.js';
export { connectivityPayload } from './presence/connectivity.js';
export { lastHeardMs } from './presence/newest-records.js';
export { type Connection, PROCESS_LEASE_MS, Presence } from './presence/presence.js';
export { type ReplacedConnection, watchReplacedConnections } from './presence/replaced-connections.js';
export { connectRedis, type RedisConnection, whenReady } from './redis/connection.js';
export { LayoutMismatch, LeaseLost, LogUnavailable, RedisTooOld } from './redis/errors.js';
export { type Layout, partitionKeys, partitionOf } from './redis/keys.js';
export { agreeOnLayout, agreeOnLayoutWhenReady } from './redis/layout.js';
export { memoryUse } from './redis/memory.js';
export { type Checkpoint, CheckpointStore } from './resume/checkpoint-store.js';
export { type SlotAnswer, SlotStore, type SlotTimes, type SlotUpdate, type SlotWish } from './resume/slot-store.js';
export { SNAPSHOT_LEASE, type Snapshot, type SnapshotChanges, SnapshotStore } from './snapshot/snapshot-store.js';
export { SubscriptionControl, type SubscriptionLag } from './subscription/subscription-control.js';
export { type StoredSubscription, SubscriptionStore } from './subscription/subscription-store.js';
export {
  type DeadLetter,
  type PendingEntry,
  type SubscriptionPartition,
  SubscriptionWork,
  takeSubscription,
} from './subscription/subscription-work.js';
