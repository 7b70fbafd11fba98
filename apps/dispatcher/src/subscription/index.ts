export { mistakesInSubscriptionFile, SubscriptionFile } from './file.js';
export { type LagCounts, measureLags, neededFrom, type PartitionLag, sayOvertaken } from './lag-monitor.js';
export { Subscriptions } from './subscriptions.js';
export type { DeliveryCounts } from './worker.js';
