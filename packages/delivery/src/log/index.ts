export { log } from './kind.js';
