export { config } from './config.js';
export { cost } from './cost.js';
export { sourceArgument } from './profile-argument.js';
