export { type ConnectionServices, MAX_UNSETTLED_BYTES, VehicleConnection } from './connection.js';
export { ConnectionRegistry } from './connection-registry.js';
export { createConnectivityRecords } from './connectivity-records.js';
export { MessageQuarantine } from './message-quarantine.js';
export { RateLimits } from './rate-limits.js';
export { createSender } from './receive.js';
export { createRecordInspection } from './record-inspection.js';
export { StallDetector } from './stall-detector.js';
export { topicRules } from './topic-rules.js';
