// Whether a vehicle takes signed commands or REST: learned from answers and kept for a day, or what Tesla reports of it.
import type { Store } from '../redis/index.js';

const LEARNED_SECONDS = 86_400;
const REPORTED_SECONDS = 30 * 86_400;

export type CommandProtocol = 'signed' | 'rest';

export class CommandProtocols {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  async of(vin: string): Promise<CommandProtocol | undefined> {
    const text = await this.#store.redis.get(this.#key(vin));
    return text === 'signed' || text === 'rest' ? text : undefined;
  }

  async learn(vin: string, protocol: CommandProtocol): Promise<void> {
    await this.#store.redis.set(this.#key(vin), protocol, 'EX', LEARNED_SECONDS);
  }

  /** A first guess, which never replaces what was learned: Tesla's report is wrong for some vehicles. */
  async guess(vin: string, protocol: CommandProtocol): Promise<void> {
    await this.#store.redis.set(this.#key(vin), protocol, 'EX', REPORTED_SECONDS, 'NX');
  }

  #key(vin: string): string {
    return this.#store.keysOf(vin).commandProtocolPrefix + vin;
  }
}
