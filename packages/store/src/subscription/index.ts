export { SubscriptionControl, type SubscriptionLag } from './subscription-control.js';
export { type StoredSubscription, SubscriptionStore } from './subscription-store.js';
export {
  acquireSubscription,
  type DeadLetter,
  LeasedSubscription,
  type PendingEntry,
  type SubscriptionPartition,
  subscriptionLease,
} from './subscription-work.js';
