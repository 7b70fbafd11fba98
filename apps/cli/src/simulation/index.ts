export { simulatedApplication, startTeslaStandIn } from './tesla-stand-in.js';
