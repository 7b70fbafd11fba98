export { createDeliveryCounts, type DeliveryCounts } from './delivery-counts.js';
export { mistakesInSubscriptionFile, watchSubscriptionFile } from './file.js';
export { type LagCounts, logOvertaken, measureLags, neededFrom, type PartitionLag } from './lag-monitor.js';
export { Subscriptions } from './subscriptions.js';
