export * from './authentication/index.js';
export * from './messages/index.js';
