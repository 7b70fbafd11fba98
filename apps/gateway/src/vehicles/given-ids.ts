// VEHICLE_IDS: the numeric ids that the owner's TeslaMate already has for its cars, `<vehicle id>=<VIN>`.
import { isVin, normalizeVin } from '@fleetbridge/protocol';

/** Vehicle ids by VIN. Returns a RangeError with the first malformed entry as its message. */
export function parseGivenIds(entries: readonly string[]): ReadonlyMap<string, number> | RangeError {
  const ids = new Map<string, number>();
  for (const entry of entries) {
    const [, id, vin] = /^(\d{1,16})\s*=\s*(\S+)$/.exec(entry) ?? [];
    if (id === undefined || vin === undefined || !isVin(vin)) return new RangeError(entry);
    ids.set(normalizeVin(vin), Number(id));
  }
  return ids;
}
