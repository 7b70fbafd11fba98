// The telemetry configuration of each vehicle: which one is wanted, which one was sent, and what the watch has done;
// and the firmware that Tesla has named. The other parts are JSON of the caller, each written on its own, so that processes don't overwrite each other's part.
import { type Store, telemetryConfigurationsKey } from '../redis/index.js';

export type ConfigurationPart = 'wanted' | 'sent' | 'watch' | 'firmware';

export type StoredConfiguration = Readonly<Partial<Record<ConfigurationPart, string>>>;

export class ConfigurationStore {
  readonly #store: Store;
  readonly #key: string;

  constructor(store: Store) {
    this.#store = store;
    this.#key = telemetryConfigurationsKey(store.namespace);
  }

  /** By VIN. */
  async list(): Promise<Map<string, StoredConfiguration>> {
    const vehicles = new Map<string, StoredConfiguration>();
    for (const [field, json] of Object.entries(await this.#store.redis.hgetall(this.#key))) {
      const [part = '', vin = ''] = field.split(' ');
      vehicles.set(vin, { ...vehicles.get(vin), [part]: json });
    }
    return vehicles;
  }

  async read(vin: string): Promise<StoredConfiguration> {
    const names = parts.map((part) => fieldOf(part, vin));
    const values = await this.#store.redis.hmget(this.#key, ...names);
    return Object.fromEntries(parts.flatMap((part, at) => (values[at] == null ? [] : [[part, values[at]]])));
  }

  async write(vin: string, part: ConfigurationPart, json: string): Promise<void> {
    await this.#store.redis.hset(this.#key, fieldOf(part, vin), json);
  }

  async removePart(vin: string, part: ConfigurationPart): Promise<void> {
    await this.#store.redis.hdel(this.#key, fieldOf(part, vin));
  }

  /** Returns the number of parts that were stored. */
  async remove(vin: string): Promise<number> {
    return await this.#store.redis.hdel(this.#key, ...parts.map((part) => fieldOf(part, vin)));
  }
}

const parts: readonly ConfigurationPart[] = ['wanted', 'sent', 'watch', 'firmware'];

function fieldOf(part: ConfigurationPart, vin: string): string {
  return `${part} ${vin}`;
}
