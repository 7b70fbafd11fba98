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
  markdownTable,
} from './config-print.js';
export {
  commaList,
  durationSeconds,
  filePath,
  flag,
  integer,
  oneOf,
  port,
  redisUrl,
  secret,
  text,
  url,
  type ValueMeta,
} from './config-values.js';
export { ConfigError, type Mistake } from './errors.js';
export { nearestName } from './nearest-name.js';
export { Secret } from './secret.js';
