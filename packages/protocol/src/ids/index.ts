export { BEGINNING, compareEntryIds, entryMs, isAfter, justBefore } from './entry-id.js';
export { isVin, normalizeVin, VIN_PATTERN } from './vin.js';
