export { command } from './command.js';
export { commandNames } from './command-names.js';
