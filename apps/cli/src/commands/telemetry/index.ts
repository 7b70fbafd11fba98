export { config } from './config.js';
export { cost } from './cost.js';
