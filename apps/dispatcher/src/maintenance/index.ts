export { DeadConnections } from './dead-connections.js';
export { type FleetCounts, FleetStatistics } from './fleet-statistics.js';
export { type RetentionCounts, RetentionLoop } from './retention-loop.js';
