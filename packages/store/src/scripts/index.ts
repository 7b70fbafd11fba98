export { appendRecords, LATE_MS } from './append-records.js';
export { addCheckpoint } from './checkpoints.js';
export { forgetMessages, forgetRecords } from './forget-vehicle.js';
export { acquireLeaseScript, joinDispatchersScript, releaseLeaseScript, renewLeaseScript } from './leases.js';
export { disconnectDead } from './presence.js';
export { keepSlots, takeSlot } from './slots.js';
export { clearSnapshots, commitSnapshot } from './snapshots.js';
export {
  addSubscription,
  createGroup,
  dropSubscription,
  measureLag,
  requestRedelivery,
  seekSubscription,
} from './subscription-control.js';
export {
  acknowledgeEntries,
  LEASE_LOST,
  readRedeliveries,
  readSubscription,
  rejectEntry,
  settleRedelivery,
} from './subscription-work.js';
