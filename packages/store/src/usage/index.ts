export { type ApiCall, countApiCalls, type DayOfCalls, readApiUsage } from './api-usage.js';
export {
  type CallLimits,
  type CallReservation,
  type ForwardedCalls,
  readForwardedCalls,
  releaseForwardedCall,
  reserveForwardedCall,
} from './forwarded-calls.js';
export { readFleetSignalDays, readSignalDays, type SignalDay } from './signal-days.js';
export { firstUsageDay, USAGE_KEPT_MS, utcDay } from './usage-day.js';
