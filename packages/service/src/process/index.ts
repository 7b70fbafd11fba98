export { Condition } from './condition.js';
export {
  createReadiness,
  measureReadiness,
  type Readiness,
  type ReadinessCheck,
  type ReadinessReport,
  reportReachability,
  reportReplacedLog,
} from './readiness.js';
export { type RunContext, type RunOptions, runApp } from './run.js';
export type { StopFunction, StopOutcome } from './shutdown-hooks.js';
export { VERSION } from './version.js';
export { TimeoutError, type TimeoutOptions, withTimeout } from './with-timeout.js';
