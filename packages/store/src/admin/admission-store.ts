// Vehicles that an operator has allowed or denied at run time. Ingest polls the version every second or two, and reads
// the list only when the version has changed.

import { randomUUID } from 'node:crypto';
import { normalizeVin } from '@fleetbridge/protocol';
import { admissionKey, type RedisConnection, type Store } from '../redis/index.js';

export type Verdict = 'allow' | 'deny';

/** A field beside the VINs, which contain no colon. */
const VERSION = ':version';

export class AdmissionStore {
  readonly #redis: RedisConnection;
  readonly #key: string;

  constructor({ redis, namespace }: Pick<Store, 'redis' | 'namespace'>) {
    this.#redis = redis;
    this.#key = admissionKey(namespace);
  }

  /** The latest allow or deny for a VIN wins. */
  async set(vins: readonly string[], verdict: Verdict): Promise<void> {
    const fields = Object.fromEntries(vins.map((vin) => [normalizeVin(vin), verdict]));
    // one command, so that readers see all changes or no change; a random version also differs after a restored backup
    await this.#redis.hset(this.#key, { ...fields, [VERSION]: randomUUID() });
  }

  /** Stores verdicts that an emptied Redis has lost. Newer ones stay. */
  async restore(verdicts: ReadonlyMap<string, Verdict>): Promise<void> {
    const transaction = this.#redis.multi();
    for (const [vin, verdict] of verdicts) transaction.hsetnx(this.#key, vin, verdict);
    await transaction.hset(this.#key, VERSION, randomUUID()).exec();
  }

  /** Removes the allow or deny of a VIN: the lists of the configuration decide. */
  async withdraw(vin: string): Promise<void> {
    await this.#redis.multi().hdel(this.#key, normalizeVin(vin)).hset(this.#key, VERSION, randomUUID()).exec();
  }

  /** Differs after each change; empty before the first one. */
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
