export { mqtt } from './kind.js';
