export { type CostCounts, CostStatistics } from './cost-statistics.js';
export { DeadConnections } from './dead-connections.js';
export { type FleetCounts, FleetStatistics } from './fleet-statistics.js';
export { type MaintenanceCounts, MaintenanceLoop } from './maintenance-loop.js';
