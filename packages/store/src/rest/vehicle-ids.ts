// The ids of vehicles in REST, which never change: TeslaMate finds a car by them. Those of Tesla where the owner gave
// them first; else they follow from the VIN, so that an emptied Redis gives the same ones.
import { createHash } from 'node:crypto';
import { runScript, type Store, vehicleIdsKey } from '../redis/index.js';
import { assignVehicleIds } from '../scripts/index.js';

export interface VehicleIds {
  id: number;
  /** The tag of TeslaMate's stream without TESLA_WSS_USE_VIN. */
  vehicleId: number;
}

/** Two VINs can have the same hash, but not several times. */
const ATTEMPTS = 4;
const ID_BASE = 2 ** 52;
const VEHICLE_ID_BASE = 2 ** 51;

export class VehicleIdStore {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** The ids of a VIN. `preferred` counts only if it has no ids yet. */
  async of(vin: string, preferred: Partial<VehicleIds> = {}): Promise<VehicleIds> {
    const candidates = Array.from({ length: ATTEMPTS }, (_, attempt) => idsFrom(vin, attempt));
    const first = candidates[0]!;
    const wanted = { id: preferred.id ?? first.id, vehicleId: preferred.vehicleId ?? first.vehicleId };
    const pairs = [wanted, ...candidates].map(({ id, vehicleId }) => `${id} ${vehicleId}`);
    const reply = await runScript(
      this.#store.redis,
      assignVehicleIds,
      [vehicleIdsKey(this.#store.namespace)],
      [vin, ...pairs],
    );
    return parseIds(String(reply));
  }

  /** By VIN. */
  async all(): Promise<Map<string, VehicleIds>> {
    const all = await this.#store.redis.hgetall(vehicleIdsKey(this.#store.namespace));
    return new Map(Object.entries(all).map(([vin, pair]) => [vin, parseIds(pair)]));
  }
}

function idsFrom(vin: string, attempt: number): VehicleIds {
  const hash = createHash('sha256').update(`${vin} ${attempt}`).digest();
  return { id: ID_BASE + hash.readUIntBE(0, 6), vehicleId: VEHICLE_ID_BASE + hash.readUIntBE(6, 6) };
}

function parseIds(pair: string): VehicleIds {
  const [id, vehicleId] = pair.split(' ').map(Number);
  return { id: id!, vehicleId: vehicleId! };
}
