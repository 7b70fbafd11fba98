export { doctor } from './doctor.js';
export { setup } from './setup.js';
