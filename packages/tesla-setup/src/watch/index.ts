export type { SendReason, WatchMemory } from './decision.js';
export { type Watched, type WatchedVehicle, type WatchParts, watchVehicle } from './watch-vehicle.js';
export { watchedVehicles } from './watched-vehicles.js';
