// TeslaMate's tag of a vehicle: its VIN with TESLA_WSS_USE_VIN, else a number that only Tesla's REST API knows.
import { isVin, normalizeVin } from '@fleetbridge/protocol';

/** From entries `<id>=<VIN>`. A RangeError, as a value, names the entry that is none. */
export function parseVehicleIds(entries: readonly string[]): ReadonlyMap<string, string> | RangeError {
  const vins = new Map<string, string>();
  for (const entry of entries) {
    const [, id, vin] = /^(\d{1,20})\s*=\s*(\S+)$/.exec(entry) ?? [];
    if (id === undefined || vin === undefined || !isVin(vin)) return new RangeError(entry);
    vins.set(id, normalizeVin(vin));
  }
  return vins;
}

/** What a tag stands for; one that is no known number is taken for a VIN. Entries are those that `parseVehicleIds` accepts. */
export function createVinOf(entries: readonly string[]): (tag: string) => string {
  const vins = parseVehicleIds(entries);
  if (vins instanceof RangeError) throw vins;
  return (tag) => vins.get(tag.trim()) ?? normalizeVin(tag.trim());
}
