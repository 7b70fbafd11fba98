// Which vehicles an operator has allowed or denied while everything runs. Ingest asks for the version every second or
// two, and for the rest only when that has changed.

import { randomUUID } from 'node:crypto';
import { normalizeVin } from '@fleetbridge/protocol';
import { admissionKey, type RedisConnection, type Store } from '../redis/index.js';

export type Verdict = 'allow' | 'deny';

/** Beside the VINs, none of which has a colon. */
const VERSION = ':version';

export class AdmissionStore {
  readonly #redis: RedisConnection;
  readonly #key: string;

  constructor({ redis, namespace }: Pick<Store, 'redis' | 'namespace'>) {
    this.#redis = redis;
    this.#key = admissionKey(namespace);
  }

  /** The newest verdict on a VIN counts. */
  async set(vins: readonly string[], verdict: Verdict): Promise<void> {
    const fields = Object.fromEntries(vins.map((vin) => [normalizeVin(vin), verdict]));
    // one command: a reader sees all of it or nothing; the version is new also after a restore of an older database
    await this.#redis.hset(this.#key, { ...fields, [VERSION]: randomUUID() });
  }

  /** As if nothing had ever been said about it: the lists of the configuration decide. */
  async withdraw(vin: string): Promise<void> {
    await this.#redis.multi().hdel(this.#key, normalizeVin(vin)).hset(this.#key, VERSION, randomUUID()).exec();
  }

  /** Another one after each change; empty before the first. */
  async version(): Promise<string> {
    return (await this.#redis.hget(this.#key, VERSION)) ?? '';
  }

  /** VINs in capitals, sorted. */
  async read(): Promise<{ version: string; verdicts: Map<string, Verdict> }> {
    const { [VERSION]: version = '', ...verdicts } = await this.#redis.hgetall(this.#key);
    const sorted = Object.entries(verdicts).sort(([a], [b]) => (a < b ? -1 : 1));
    return { version, verdicts: new Map(sorted as [string, Verdict][]) };
  }
}
