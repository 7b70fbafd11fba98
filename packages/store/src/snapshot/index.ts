export {
  type CountedSignals,
  type SignalCounts,
  SNAPSHOT_LEASE,
  type Snapshot,
  type SnapshotChanges,
  SnapshotStore,
} from './snapshot-store.js';
