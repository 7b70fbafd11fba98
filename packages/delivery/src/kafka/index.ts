export { kafka } from './kind.js';
