export { VehicleConnection } from './connection.js';
export { Fleet } from './fleet.js';
export { RateLimits } from './rate-limits.js';
export { createSender } from './receive.js';
export { createRecordInspection } from './record-inspection.js';
export { topicRules } from './topic-rules.js';
