// The door of the package.
export { type AdminServer, type AdminServerOptions, startAdminServer } from './admin-server.js';
export { TurningPoint } from './condition.js';
export type { ConfigOf, ConfigSchema, ConfigSources, UnknownVariable } from './config.js';
export { defineConfig, loadConfig } from './config.js';
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
export { ConfigError, ListenError, type ListenErrorCode, type Mistake } from './errors.js';
export { isOwnName, NOT_OUR_NAME } from './host-check.js';
export { explainListenError, type ListenFacts } from './listen.js';
export { createLogger, type Logger, type LoggerOptions, logConfig } from './log.js';
export { MergedMetrics, type MetricsAsJson } from './merged-metrics.js';
export { createMetrics, type Metrics } from './metrics.js';
export { nearestName } from './nearest-name.js';
export { tellPrimary, toldReadiness } from './primary-channel.js';
export {
  createReadiness,
  measureReadiness,
  type Readiness,
  type ReadinessCheck,
  type ReadinessReport,
  reportReachability,
} from './readiness.js';
export { type RunContext, type RunOptions, runApp } from './run.js';
export { Secret } from './secret.js';
export { recordLogConfig, serviceConfig } from './service-config.js';
export type { StopFunction, StopOutcome } from './shutdown-hooks.js';
export { answerMetrics, WorkerMetrics } from './worker-metrics.js';
export { WorkerStartError } from './worker-start-error.js';
