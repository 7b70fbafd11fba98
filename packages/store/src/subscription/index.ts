export { SubscriptionControl, type SubscriptionLag } from './control.js';
export type { DeadLetter } from './dead-letter.js';
export { type StoredSubscription, SubscriptionStore } from './definitions.js';
export {
  acquireSubscription,
  LeasedSubscription,
  type PendingEntry,
  type SubscriptionPartition,
  subscriptionLease,
} from './leased.js';
export { awayText, recordsText, stateText } from './state-text.js';
export type { Suspension } from './suspension.js';
