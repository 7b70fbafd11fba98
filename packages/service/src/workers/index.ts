export { ConnectionHandoff, type ConnectionHandoffOptions, type PendingConnection } from './connection-handoff.js';
export { openPrimaryChannel, type PrimaryChannel } from './primary-channel.js';
export { WorkerPool, type WorkerPoolOptions } from './worker-pool.js';
export { WorkerStartError } from './worker-start-error.js';
