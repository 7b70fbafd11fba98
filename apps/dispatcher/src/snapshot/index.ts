export { type SnapshotCounts, SnapshotKeeper } from './snapshot-keeper.js';
export { addVehicleRoute, createVehicleMetrics, type VehicleMetrics } from './vehicle-metrics.js';
