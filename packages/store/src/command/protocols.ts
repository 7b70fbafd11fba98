// Whether a vehicle takes signed commands or REST, learned from answers and kept for a day.
import type { Store } from '../redis/index.js';

const KEPT_SECONDS = 86_400;

export class CommandProtocols {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  async of(vin: string): Promise<'signed' | 'rest' | undefined> {
    const text = await this.#store.redis.get(this.#key(vin));
    return text === 'signed' || text === 'rest' ? text : undefined;
  }

  async learn(vin: string, protocol: 'signed' | 'rest'): Promise<void> {
    await this.#store.redis.set(this.#key(vin), protocol, 'EX', KEPT_SECONDS);
  }

  #key(vin: string): string {
    return this.#store.keysOf(vin).commandProtocolPrefix + vin;
  }
}
