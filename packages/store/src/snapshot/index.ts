export { SNAPSHOT_LEASE, type Snapshot, type SnapshotChanges, SnapshotStore } from './snapshot-store.js';
