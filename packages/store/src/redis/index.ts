export { withAnswerLimit } from './answer-limit.js';
export {
  connectAnyNode,
  connectRedis,
  type RedisConnection,
  runScript,
  runScriptForBytes,
  type Script,
  whenReady,
} from './connection.js';
export { LayoutMismatch, LeaseLost, LogUnavailable, RedisTooOld } from './errors.js';
export {
  admissionKey,
  dispatchersKey,
  type Layout,
  type PartitionKeys,
  partitionKeys,
  partitionOf,
  replacedPattern,
  subscriptionsKey,
  subscriptionVerdictsKey,
  tokensKey,
} from './keys.js';
export { agreeOnLayout, agreeOnLayoutWhenReady } from './layout.js';
export { memoryUse } from './memory.js';
export { PartitionConnection } from './partition-connection.js';
export { openStore, Store } from './store.js';
