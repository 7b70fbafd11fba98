// The definitions of all subscriptions, shared by the dispatchers. The content of a definition is validated by the
// dispatcher; here it is JSON with a name, an origin (the configuration file or the CLI) and a start position.
import { BEGINNING } from '@fleetbridge/protocol';

import { runScript, type Store, subscriptionsKey, subscriptionVerdictsKey } from '../redis/index.js';
import { addSubscription } from '../scripts/index.js';
import { SubscriptionControl } from './control.js';
import { beginSubscription } from './leased.js';

export interface StoredSubscription {
  name: string;
  origin: 'file' | 'cli';
  createdMs: number;
  /** Per partition: the cursor at which it begins. */
  start: string[];
  definition: unknown;
  /** By an operator, or because it was removed from the file. Undefined: it is active. */
  paused: 'operator' | 'not_in_file' | undefined;
}

export class SubscriptionStore {
  readonly #store: Store;
  readonly #key: string;
  readonly #verdicts: string;

  constructor(store: Store) {
    this.#store = store;
    this.#key = subscriptionsKey(store.namespace);
    this.#verdicts = subscriptionVerdictsKey(store.namespace);
  }

  async list(): Promise<StoredSubscription[]> {
    const all = new Map(Object.entries(await this.#store.redis.hgetall(this.#key)));
    return [...all]
      .filter(([field]) => !field.includes(':'))
      .map(([name, text]) => ({
        ...(JSON.parse(text) as StoredSubscription),
        name,
        paused: all.get(pausedField(name)) as StoredSubscription['paused'],
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async get(name: string): Promise<StoredSubscription | undefined> {
    return (await this.list()).find((subscription) => subscription.name === name);
  }

  /** Begins at the end of the log or with its first entry. Returns false when the name is in use. */
  async create(
    subscription: Pick<StoredSubscription, 'name' | 'origin' | 'definition'>,
    { from, nowMs }: { from: 'now' | 'earliest'; nowMs: number },
  ): Promise<boolean> {
    const { name, origin, definition } = subscription;
    const { redis } = this.#store;
    const control = this.control(name);
    const epochs = await control.epochs();
    if ((await redis.hexists(this.#key, name)) === 1) return false;
    // Leftovers of an interrupted deletion. A concurrent creation of this name may have succeeded since the check; its
    // epochs are higher, and its groups stay.
    await control.drop(epochs);
    await redis.hdel(this.#verdicts, name);
    const start = from === 'earliest' ? this.#store.mapPartitions(() => BEGINNING) : await this.#ends();
    const text = JSON.stringify({ origin, definition, createdMs: nowMs, start });
    if ((await runScript(redis, addSubscription, [this.#key], [name, text, pausedField(name)])) === 0) return false;
    // before the first delivery, so that retention knows what it needs
    await this.#store.eachPartition(({ partition }) =>
      beginSubscription({ store: this.#store, partition, subscription: name }, start[partition]!),
    );
    return true;
  }

  /** Replaces the definition of an existing subscription, which keeps its position. */
  async redefine(existing: StoredSubscription, definition: unknown, origin = existing.origin): Promise<void> {
    const { createdMs, start } = existing;
    const text = JSON.stringify({ origin, definition, createdMs, start });
    await this.#store.redis.hset(this.#key, existing.name, text);
  }

  async setPaused(name: string, paused: StoredSubscription['paused']): Promise<void> {
    const { redis } = this.#store;
    if (paused === undefined) await redis.hdel(this.#key, pausedField(name));
    else await redis.hset(this.#key, pausedField(name), paused);
  }

  async delete(name: string): Promise<void> {
    await this.#store.redis.hdel(this.#key, name, pausedField(name));
    await this.#store.redis.hdel(this.#verdicts, name);
    await this.control(name).drop();
  }

  control(subscription: string): SubscriptionControl {
    return new SubscriptionControl({ store: this.#store, subscription });
  }

  /** The mistakes that a dispatcher found in the definition; an empty list when it is valid. */
  async setVerdict(name: string, mistakes: readonly string[]): Promise<void> {
    await this.#store.redis.hset(this.#verdicts, name, JSON.stringify(mistakes));
  }

  /** Undefined until a dispatcher has checked the definition. */
  async verdict(name: string): Promise<string[] | undefined> {
    const text = await this.#store.redis.hget(this.#verdicts, name);
    return text === null ? undefined : (JSON.parse(text) as string[]);
  }

  async #ends(): Promise<string[]> {
    const { redis } = this.#store;
    return await this.#store.eachPartition(async ({ records }) => {
      if ((await redis.exists(records)) === 0) return BEGINNING;
      const facts = (await redis.xinfo('STREAM', records)) as string[];
      return String(facts[facts.indexOf('last-generated-id') + 1]);
    });
  }
}

function pausedField(name: string): string {
  return `${name}:paused`;
}
