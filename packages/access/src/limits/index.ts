export { BoundedMap, type BoundedMapOptions } from './bounded-map.js';
export { FailureLimit } from './failure-limit.js';
export { TokenBucket, type TokenBucketLimit } from './token-bucket.js';
