export { coverage } from './coverage.js';
export { seed } from './seed.js';
export { teslamate, teslamateEnvironment, usualPlaces } from './teslamate.js';
