export { coverage } from './coverage.js';
export { seed } from './seed.js';
export { teslamate } from './teslamate.js';
