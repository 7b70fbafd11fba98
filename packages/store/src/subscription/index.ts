export { SubscriptionControl, type SubscriptionLag } from './subscription-control.js';
export { type StoredSubscription, SubscriptionStore } from './subscription-store.js';
export {
  type DeadLetter,
  type PendingEntry,
  type SubscriptionPartition,
  SubscriptionWork,
  subscriptionLease,
  takeSubscription,
} from './subscription-work.js';
