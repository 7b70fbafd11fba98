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
