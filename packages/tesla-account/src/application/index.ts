export { readApplication, type TeslaApplication, writeApplication } from './application.js';
