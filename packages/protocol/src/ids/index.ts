export { BEGINNING, compareEntryIds, entryMs, isAfter, justBefore } from './entry-id.js';
export { isVehicleVin, isVin, normalizeVin, VIN_PATTERN } from './vin.js';
