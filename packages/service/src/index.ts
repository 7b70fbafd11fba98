// The door of the package.

export type { ConfigOf, ConfigSchema, ConfigSources, UnknownVariable } from './config/config.js';
export { defineConfig, loadConfig } from './config/config.js';
export {
  type ConfigRow,
  describeConfig,
  formatConfigError,
  formatUnknownVariable,
  markdownTable,
} from './config/config-print.js';
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
} from './config/config-values.js';
export { nearestName } from './config/nearest-name.js';
export { Secret } from './config/secret.js';
export { recordLogConfig, serviceConfig } from './config/service-config.js';
export { MergedMetrics, type MetricsAsJson } from './metrics/merged-metrics.js';
export { createMetrics, type Metrics } from './metrics/metrics.js';
export { type AdminServer, type AdminServerOptions, startAdminServer } from './network/admin-server.js';
export { isOwnName, NOT_OUR_NAME } from './network/host-check.js';
export { explainListenError, type ListenFacts } from './network/listen.js';
export { TurningPoint } from './process/condition.js';
export { ConfigError, ListenError, type ListenErrorCode, type Mistake } from './process/errors.js';
export { createLogger, type Logger, type LoggerOptions, logConfig } from './process/log.js';
export {
  createReadiness,
  measureReadiness,
  type Readiness,
  type ReadinessCheck,
  type ReadinessReport,
  reportReachability,
} from './process/readiness.js';
export { type RunContext, type RunOptions, runApp } from './process/run.js';
export type { StopFunction, StopOutcome } from './process/shutdown-hooks.js';
export { tellPrimary, toldReadiness } from './workers/primary-channel.js';
export { answerMetrics, WorkerMetrics } from './workers/worker-metrics.js';
export { WorkerStartError } from './workers/worker-start-error.js';
