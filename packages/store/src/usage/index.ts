export { type ApiCall, countApiCalls, type DayOfCalls, readApiUsage } from './api-usage.js';
export { readSignalDays } from './signal-days.js';
export { firstUsageDay, USAGE_KEPT_MS, utcDay } from './usage-day.js';
