export { BoundedMap, type BoundedMapOptions } from './bounded-map.js';
export { FailureLimit, type FailureLimitOptions } from './failure-limit.js';
export { FailureLog } from './failure-log.js';
export { TokenBucket, type TokenBucketLimit } from './token-bucket.js';
