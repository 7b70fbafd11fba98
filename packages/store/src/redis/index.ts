export { withAnswerLimit } from './answer-limit.js';
export { type RedisCondition, redisCondition, redisEviction } from './condition.js';
export {
  connectAnyNode,
  connectRedis,
  type RedisConnection,
  whenReady,
} from './connection.js';
export { LayoutMismatch, LeaseLost, LogUnavailable } from './errors.js';
export { logIdentity, watchLogIdentity } from './identity.js';
export {
  admissionKey,
  apiUsageKey,
  clientsKey,
  dispatchersKey,
  doctorReportKey,
  forwardedCallsKey,
  type Layout,
  type PartitionKeys,
  partitionKeys,
  partitionOf,
  replacedPattern,
  subscriptionsKey,
  subscriptionVerdictsKey,
  telemetryConfigurationsKey,
  tokensKey,
  vehicleIdsKey,
} from './keys.js';
export { agreeOnLayout, agreeOnLayoutWhenReady } from './layout.js';
export { type MemoryUse, memoryUse } from './memory.js';
export { PartitionConnection } from './partition-connection.js';
export { runScript, runScriptForBytes, type Script } from './run-script.js';
export { openStore, Store } from './store.js';
