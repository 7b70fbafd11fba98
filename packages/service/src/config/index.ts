export {
  type ConfigOf,
  type ConfigSchema,
  type ConfigSources,
  defineConfig,
  loadConfig,
  type UnknownVariable,
} from './config.js';
export {
  type ConfigRow,
  describeConfig,
  formatConfigError,
  formatUnknownVariable,
} from './config-print.js';
export { ConfigError, type Mistake } from './errors.js';
export { nearestName } from './nearest-name.js';
