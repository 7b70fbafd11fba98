export { joinDispatchers, leaveDispatchers } from './dispatchers.js';
export { type HeldLease, releaseLease, renewLease, takeLease } from './lease.js';
