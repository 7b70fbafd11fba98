export { commandNames } from './command-names.js';
