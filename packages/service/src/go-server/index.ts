export { type GoConfigReading, type GoDispatcher, type Notice, readGoConfig } from './go-config.js';
