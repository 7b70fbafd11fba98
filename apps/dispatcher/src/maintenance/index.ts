export { DeadConnections } from './dead-connections.js';
export { type FleetCounts, FleetWatch } from './fleet-statistics.js';
export { type RetentionCounts, Upkeep } from './retention-loop.js';
