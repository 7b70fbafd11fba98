export * from './authentication/index.js';
export * from './commands/index.js';
export * from './messages/index.js';
