export { sinceBootMs } from './boot-clock.js';
export { joinDispatchers, leaveDispatchers } from './dispatchers.js';
export { acquireLease, type HeldLease, type LeaseRequest, releaseLease, renewLease } from './lease.js';
