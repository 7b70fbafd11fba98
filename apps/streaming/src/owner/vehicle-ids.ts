// TeslaMate's tag of a vehicle: the VIN with TESLA_WSS_USE_VIN, otherwise a number that only Tesla's REST API knows.
import { isVin, normalizeVin } from '@fleetbridge/protocol';

/** Parses entries of the form `<id>=<VIN>`. Returns a RangeError with the first malformed entry as its message. */
export function parseVehicleIds(entries: readonly string[]): ReadonlyMap<string, string> | RangeError {
  const vins = new Map<string, string>();
  for (const entry of entries) {
    const [, id, vin] = /^(\d{1,20})\s*=\s*(\S+)$/.exec(entry) ?? [];
    if (id === undefined || vin === undefined || !isVin(vin)) return new RangeError(entry);
    vins.set(id, normalizeVin(vin));
  }
  return vins;
}

/** Maps a tag to its VIN. A tag that is not a configured number is the VIN. Throws on entries that `parseVehicleIds` rejects. */
export function createVinOf(entries: readonly string[]): (tag: string) => string {
  const vins = parseVehicleIds(entries);
  if (vins instanceof RangeError) throw vins;
  return (tag) => vins.get(tag.trim()) ?? normalizeVin(tag.trim());
}

/** The form of ISO 3779. Simulated vehicles can have others (`isVin`). */
export function isOrdinaryVin(text: string): boolean {
  return /^[A-HJ-NPR-Z0-9]{17}$/.test(text);
}

/** What to do about a tag that is no known vehicle. */
export function unknownTagRemedy(tag: string): string {
  return /^\d{1,20}$/.test(tag.trim())
    ? `set TESLA_WSS_USE_VIN=true in TeslaMate, or VEHICLE_IDS=${tag.trim()}=<VIN> in fleetbridge`
    : 'subscribe with the VIN as tag';
}
