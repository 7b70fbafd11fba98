export { type Clock, systemClock } from './clock.js';
export { retryAfterSeconds } from './retry-after.js';
export { type FailureReason, type HttpRequest, type HttpResult, type Sender, send } from './send.js';
