export {
  type ConfigOf,
  type ConfigSchema,
  type ConfigSources,
  defineConfig,
  loadConfig,
} from './config.js';
export {
  type ConfigRow,
  describeConfig,
  formatConfigError,
  formatUnknownVariable,
} from './config-print.js';
export { ConfigError, type Mistake, type UnknownVariable, unreadable } from './errors.js';
export { nearestName } from './nearest-name.js';
