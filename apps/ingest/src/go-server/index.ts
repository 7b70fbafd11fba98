export { type GoConfigReading, readGoConfig } from './go-config.js';
