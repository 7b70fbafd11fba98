export { type GoConfigReading, readGoConfig } from './go-config.js';
export { loggedRecord } from './logged-record.js';
