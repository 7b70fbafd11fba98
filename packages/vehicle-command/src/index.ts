export * from './answers/index.js';
export * from './authentication/index.js';
export * from './commands/index.js';
export * from './messages/index.js';
export * from './session/index.js';
export * from './signer/index.js';
