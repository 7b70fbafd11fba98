// What REST needs of a vehicle and telemetry lacks: a saved vehicle_data document, and the values of vehicle_config that
// were known once, which must not become unknown again.
import type { Store } from '../redis/index.js';

export class SeedStore {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Replaces the document of a vehicle. */
  async write(vin: string, document: string): Promise<void> {
    await this.#store.redis.set(this.#store.keysOf(vin).seedPrefix + vin, document);
  }

  /** Returns false without a document. */
  async remove(vin: string): Promise<boolean> {
    return (await this.#store.redis.del(this.#store.keysOf(vin).seedPrefix + vin)) === 1;
  }

  async read(vin: string): Promise<{ document: string | undefined; config: Record<string, string> }> {
    const { seedPrefix, configPrefix } = this.#store.keysOf(vin);
    const document = await this.#store.redis.get(seedPrefix + vin);
    return { document: document ?? undefined, config: await this.#store.redis.hgetall(configPrefix + vin) };
  }

  /** Values of vehicle_config as JSON. */
  async keepConfig(vin: string, values: Readonly<Record<string, string>>): Promise<void> {
    await this.#store.redis.hset(this.#store.keysOf(vin).configPrefix + vin, values);
  }
}
