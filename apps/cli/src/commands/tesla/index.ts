export { setup } from './setup.js';
