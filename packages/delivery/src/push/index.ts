export { push } from './kind.js';
