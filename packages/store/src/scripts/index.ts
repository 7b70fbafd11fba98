export { appendRecords, CLOCK_BEHIND_MS, LATE_MS } from './append-records.js';
export { addCheckpoint } from './checkpoints.js';
export { mintAccessToken, removeClient } from './clients.js';
export {
  acquireTurnScript,
  allocateCounterScript,
  countCallScript,
  writeSessionScript,
} from './commands.js';
export { forgetMessages, forgetRecords } from './forget-vehicle.js';
export { reserveCallScript } from './forwarded-calls.js';
export {
  acknowledgeEntries,
  LEASE_LOST,
  readRedeliveries,
  readSubscription,
  rejectEntry,
  settleRedelivery,
} from './leased-subscription.js';
export {
  acquireLeaseScript,
  joinDispatchersScript,
  releaseLeaseScript,
  renewLeaseScript,
  SET_BACK_MS,
} from './leases.js';
export { readLogClock } from './log-clock.js';
export { disconnectDead } from './presence.js';
export { answerState, assignVehicleIds } from './rest.js';
export { acquireSlot, updateSlots } from './slots.js';
export { clearSnapshots, commitSnapshot } from './snapshots.js';
export {
  addSubscription,
  createGroup,
  dropSubscription,
  measureLag,
  requestRedelivery,
  seekSubscription,
} from './subscription-control.js';
export { replaceTeslaTokens } from './tesla-account.js';
