export { appendRecords, LATE_MS } from './append-records.js';
export { forgetMessages, forgetRecords } from './forget-vehicle.js';
export { defineScript } from './script.js';
export { keepSlots, takeSlot } from './slots.js';
export { dropSubscription, measureLag, requestRedelivery, seekSubscription } from './subscription-control.js';
export {
  acknowledgeEntries,
  LEASE_LOST,
  readRedeliveries,
  readSubscription,
  rejectEntry,
  settleRedelivery,
} from './subscription-work.js';
