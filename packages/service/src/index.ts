// What every process needs: configuration, log, life cycle, metrics, admin server, workers, file watching.

export type { ConfigOf, ConfigSchema, ConfigSources, UnknownVariable } from './config/index.js';
export {
  ConfigError,
  type ConfigRow,
  defineConfig,
  describeConfig,
  formatConfigError,
  formatUnknownVariable,
  loadConfig,
  type Mistake,
  nearestName,
  unreadable,
} from './config/index.js';
export { type ApplyOutcome, type FileWatcher, type FileWatchOptions, watchFiles } from './files/index.js';
export { type GoConfigReading, type GoDispatcher, type Notice, readGoConfig } from './go-server/index.js';
export { createLogger, type Logger, type LoggerOptions, printable, printableLines, writeToLog } from './log/index.js';
export { createMetrics, MergedMetrics, type Metrics, type MetricsAsJson } from './metrics/index.js';
export {
  type AdminServer,
  type AdminServerOptions,
  explainListenError,
  HOST_NAME_REFUSED,
  inheritedSockets,
  isPrivateHostName,
  ListenError,
  type ListenErrorCode,
  type ListenOptions,
  listen,
  startAdminServer,
} from './network/index.js';
export type { StopFunction, StopOutcome } from './process/index.js';
export {
  createReadiness,
  measureReadiness,
  type Readiness,
  type ReadinessCheck,
  type ReadinessReport,
  type RunContext,
  type RunOptions,
  reportReachability,
  reportReplacedLog,
  runApp,
  TimeoutError,
  type TimeoutOptions,
  VERSION,
  withTimeout,
} from './process/index.js';
export {
  ConnectionHandoff,
  type ConnectionHandoffOptions,
  openPrimaryChannel,
  type PendingConnection,
  type PrimaryChannel,
  WorkerPool,
  type WorkerPoolOptions,
  WorkerStartError,
} from './workers/index.js';
