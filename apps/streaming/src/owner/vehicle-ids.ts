// TeslaMate's tag of a vehicle: the VIN with TESLA_WSS_USE_VIN, otherwise a number that REST gives to the vehicle.
import { isVin, normalizeVin } from '@fleetbridge/protocol';
import type { VehicleIdStore } from '@fleetbridge/store';

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

/** Unknown tags don't cause more reads of Redis than this. */
const RELOAD_MS = 1_000;

/**
 * The same, and a number that is not configured is looked up among the ids that the gateway gave to TeslaMate. The result
 * rejects when Redis does not answer.
 */
export function createTagLookup(
  entries: readonly string[],
  { ids, now }: { ids: Pick<VehicleIdStore, 'all'>; now: () => number },
): (tag: string) => Promise<string> {
  const vinOf = createVinOf(entries);
  let vins: ReadonlyMap<string, string> = new Map();
  let loadedMs = Number.NEGATIVE_INFINITY;
  return async (tag) => {
    const vin = vinOf(tag);
    if (!/^\d{1,20}$/.test(vin)) return vin;
    if (!vins.has(vin) && Math.abs(now() - loadedMs) >= RELOAD_MS) {
      const all = await ids.all();
      vins = new Map([...all].map(([known, { vehicleId }]) => [String(vehicleId), known]));
      loadedMs = now();
    }
    return vins.get(vin) ?? vin;
  };
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
