export { connectivityPayload } from './connectivity.js';
export { type LimitedVehicle, limitedVehicles, storeLimitedVehicle } from './limited-vehicles.js';
export { lastReceivedMs } from './newest-records.js';
export { type Connection, PROCESS_LEASE_MS, Presence } from './presence.js';
export { type ReplacedConnection, watchReplacedConnections } from './replaced-connections.js';
