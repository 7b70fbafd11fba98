export { type Command, readArguments, UsageError } from './command.js';
export { commands } from './table.js';
