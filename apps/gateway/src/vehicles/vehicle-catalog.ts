// Which vehicles there are, their ids, and what is known of them besides telemetry.
import { type Grant, grantsVehicle } from '@fleetbridge/access';
import { isVin, normalizeVin } from '@fleetbridge/protocol';
import type { SeedStore, VehicleIdStore, VehicleIds } from '@fleetbridge/store';
import { emptySeed, parseSeed, type Seed, SeedError } from '@fleetbridge/vehicle-state';
import type { AdmittedVehicles } from './admitted-vehicles.js';

export interface VehicleCatalogOptions {
  admitted: Pick<AdmittedVehicles, 'vins'>;
  ids: Pick<VehicleIdStore, 'of'>;
  seeds: Pick<SeedStore, 'read' | 'write' | 'keepConfig'>;
  /** Vehicle ids by VIN that the owner has given. */
  givenIds: ReadonlyMap<string, number>;
  now: () => number;
}

export interface CatalogVehicle {
  vin: string;
  ids: VehicleIds;
  seed: Seed;
  /** Values of vehicle_config that were known once. */
  lastConfig: Readonly<Record<string, unknown>>;
}

interface CachedVehicle {
  vehicle: CatalogVehicle;
  loadedMs: number;
}

/** A seed that is written meanwhile is used after this time. */
const FRESH_MS = 10_000;

export class VehicleCatalog {
  readonly #options: VehicleCatalogOptions;
  readonly #cached = new Map<string, CachedVehicle>();
  readonly #vinById = new Map<number, string>();

  constructor(options: VehicleCatalogOptions) {
    this.#options = options;
  }

  /** The admitted vehicles of a grant, by VIN. Rejects when Redis does not answer. */
  async list(grant: Grant): Promise<CatalogVehicle[]> {
    const vins = await this.#options.admitted.vins();
    return await Promise.all([...vins].filter((vin) => grantsVehicle(grant, vin)).map((vin) => this.#of(vin)));
  }

  /** By id, vehicle id or VIN; undefined for a vehicle that is not admitted, or not the grant's. */
  async find(text: string, grant: Grant): Promise<CatalogVehicle | undefined> {
    const vins = await this.#options.admitted.vins();
    const vin = /^\d{1,16}$/.test(text) ? await this.#vinOf(Number(text), vins) : normalizeVin(text);
    return vin !== undefined && isVin(vin) && vins.has(vin) && grantsVehicle(grant, vin)
      ? await this.#of(vin)
      : undefined;
  }

  /** Keeps values of vehicle_config that telemetry knows now. */
  async keepConfig({ vin, lastConfig }: CatalogVehicle, config: Readonly<Record<string, unknown>>): Promise<void> {
    const changed = Object.entries(config).filter(([name, value]) => value !== null && lastConfig[name] !== value);
    if (changed.length === 0) return;
    const values = Object.fromEntries(changed.map(([name, value]) => [name, JSON.stringify(value)]));
    await this.#options.seeds.keepConfig(vin, values);
    const cached = this.#cached.get(vin);
    if (cached) cached.vehicle = { ...cached.vehicle, lastConfig: { ...lastConfig, ...Object.fromEntries(changed) } };
  }

  /** Replaces the document from which seeds are read, of an admitted vehicle. */
  async keepSeed(vin: string, document: string): Promise<CatalogVehicle> {
    await this.#options.seeds.write(vin, document);
    this.#cached.delete(vin);
    return await this.#of(vin);
  }

  async #vinOf(id: number, vins: ReadonlySet<string>): Promise<string | undefined> {
    if (!this.#vinById.has(id)) await Promise.all([...vins].map((vin) => this.#of(vin)));
    return this.#vinById.get(id);
  }

  async #of(vin: string): Promise<CatalogVehicle> {
    const { now } = this.#options;
    const cached = this.#cached.get(vin);
    if (cached && Math.abs(now() - cached.loadedMs) < FRESH_MS) return cached.vehicle;
    const vehicle = await this.#load(vin);
    this.#cached.set(vin, { vehicle, loadedMs: now() });
    this.#vinById.set(vehicle.ids.id, vin);
    this.#vinById.set(vehicle.ids.vehicleId, vin);
    return vehicle;
  }

  async #load(vin: string): Promise<CatalogVehicle> {
    const { ids, seeds, givenIds } = this.#options;
    const { document, config } = await seeds.read(vin);
    const seed = document === undefined ? emptySeed(vin) : seedOf(document, vin);
    const { id, vehicle_id: vehicleId } = seed.sections.vehicle ?? {};
    const preferred = { id: idOf(id), vehicleId: givenIds.get(vin) ?? idOf(vehicleId) };
    const given = Object.fromEntries(Object.entries(preferred).filter(([, value]) => value !== undefined));
    const lastConfig = Object.fromEntries(Object.entries(config).map(([name, text]) => [name, parsed(text)]));
    return { vin, ids: await ids.of(vin, given), seed, lastConfig };
  }
}

function seedOf(document: string, vin: string): Seed {
  try {
    return parseSeed(document, vin);
  } catch (error) {
    // written by another version; the vehicle is served without it
    if (error instanceof SeedError) return emptySeed(vin);
    throw error;
  }
}

function idOf(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && (value as number) > 0 ? (value as number) : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
