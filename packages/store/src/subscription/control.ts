// Subscriptions for operators and retention: position, lag, dead letters and seek. No lease is needed: operations that
// conflict with a holder end its lease in the same script.
import { compareEntryIds } from '@fleetbridge/protocol';

import { type LogEntry, parseEntry } from '../log/index.js';
import { type PartitionKeys, runScript, type Store } from '../redis/index.js';
import { dropSubscription, measureLag, requestRedelivery, seekSubscription } from '../scripts/index.js';
import { type DeadLetter, parseDeadLetter } from './dead-letter.js';
import { subscriptionLease } from './leased.js';
import { parseSuspension, type Suspension } from './suspension.js';

const COUNTED_AT_MOST = 1_000;

export interface SubscriptionLag {
  partition: number;
  /** Entries that are not acknowledged; with `isAtLeast` there may be more. */
  records: number;
  isAtLeast: boolean;
  /** Of these, entries delivered to the holder. */
  pending: number;
  /** Age of the oldest entry that is not acknowledged; undefined when all are. */
  ageMs: number | undefined;
  oldestId: string | undefined;
  /** The first entry that was not delivered to a holder, and the last one that was. */
  firstNew: string | undefined;
  lastGiven: string | undefined;
  /** Retention must keep entries from this id on. Undefined until the group exists. */
  neededFrom: string | undefined;
  holder: string | undefined;
  deadLetters: number;
  /** Retention removed entries up to this id that were not delivered. */
  lostUpTo: string | undefined;
  /** The endpoint is away: the holder does not deliver until a probe succeeds. */
  suspension: Suspension | undefined;
}

export class SubscriptionControl {
  readonly #store: Store;
  readonly #name: string;

  constructor({ store, subscription }: { store: Store; subscription: string }) {
    this.#store = store;
    this.#name = subscription;
  }

  /** Continues after this id in every partition: an entry id, `0-0`, or `$` for the end. */
  async seek(after: string): Promise<void> {
    await this.#store.eachPartition((keys) => {
      const { lease, epoch } = this.#leaseKeys(keys);
      const named = [keys.records, lease, epoch, keys.rejections(this.#name), keys.lost(this.#name)];
      return runScript(this.#store.redis, seekSubscription, named, [this.#name, after]);
    });
  }

  /** By partition: how often its lease has been acquired or ended. */
  async epochs(): Promise<string[]> {
    return await this.#store.eachPartition(
      async (keys) => (await this.#store.redis.get(this.#leaseKeys(keys).epoch)) ?? '0',
    );
  }

  /** Removes everything that is stored for it; with `epochs`, only in partitions where the epoch is still the same. */
  async drop(epochs?: readonly string[]): Promise<void> {
    await this.#store.eachPartition((keys) => {
      const { lease, epoch } = this.#leaseKeys(keys);
      const name = this.#name;
      const named = [keys.records, lease, epoch, keys.rejections(name), keys.dead(name), keys.redeliver(name)];
      return runScript(
        this.#store.redis,
        dropSubscription,
        [...named, keys.lost(name)],
        [name, ...(epochs?.slice(keys.partition, keys.partition + 1) ?? [])],
      );
    });
  }

  async lag(): Promise<SubscriptionLag[]> {
    return await this.#store.eachPartition(({ partition }) => this.lagOf(partition));
  }

  async lagOf(partition: number): Promise<SubscriptionLag> {
    const keys = this.#store.keys(partition);
    const named = [keys.records, this.#leaseKeys(keys).lease, keys.lost(this.#name), keys.dead(this.#name)];
    const [last, pending, oldestPending, firstNew, undelivered, isBounded, now, lease, lost, dead] = (await runScript(
      this.#store.redis,
      measureLag,
      named,
      [this.#name, COUNTED_AT_MOST],
    )) as [string, number, string, string, number, number, string, string, string, number];
    const oldestId = oldestPending || firstNew || undefined;
    return {
      partition,
      records: pending + undelivered,
      isAtLeast: isBounded === 1,
      pending,
      ageMs: oldestId === undefined ? undefined : Math.max(0, Number(now) - Number(oldestId.split('-')[0])),
      oldestId,
      firstNew: firstNew || undefined,
      lastGiven: last || undefined,
      neededFrom: oldestPending || last || undefined,
      holder: lease.split(' ')[0] || undefined,
      deadLetters: dead,
      lostUpTo: lost || undefined,
      suspension: parseSuspension(await this.#store.redis.get(keys.suspension(this.#name))),
    };
  }

  /** The next entries, pending ones first. */
  async peek(count: number): Promise<(LogEntry & { partition: number; isPending: boolean })[]> {
    const lists = await this.#store.eachPartition((keys) => this.#peekAt(keys, count));
    return lists.flat().sort((a, b) => compareEntryIds(a.id, b.id));
  }

  async #peekAt(keys: PartitionKeys, count: number) {
    const { partition, records } = keys;
    const { neededFrom, pending } = await this.lagOf(partition);
    if (neededFrom === undefined) return [];
    const listed = pending === 0 ? [] : await this.#store.redis.xpending(records, this.#name, '-', '+', count);
    const pendingIds = (listed as [string][]).map(([id]) => id);
    const entries = await Promise.all(pendingIds.map((id) => this.#store.redis.xrangeBuffer(records, id, id)));
    if (pendingIds.length < count) {
      const after = `(${await this.#lastDelivered(keys)}`;
      entries.push(await this.#store.redis.xrangeBuffer(records, after, '+', 'COUNT', count - pendingIds.length));
    }
    return (entries.flat() as [Buffer, Buffer[]][])
      .map(parseEntry)
      .map((entry) => ({ ...entry, partition, isPending: pendingIds.includes(entry.id) }));
  }

  async #lastDelivered({ records }: PartitionKeys): Promise<string> {
    const groups = (await this.#store.redis.xinfo('GROUPS', records)) as string[][];
    const own = groups.find((facts) => facts[facts.indexOf('name') + 1] === this.#name) ?? [];
    return own[own.indexOf('last-delivered-id') + 1] ?? '0-0';
  }

  /** The oldest `count` of each partition. */
  async deadLetters(count: number): Promise<(DeadLetter & { partition: number })[]> {
    const lists = await this.#store.eachPartition(async ({ partition, dead }) => {
      const found = await this.#store.redis.xrangeBuffer(dead(this.#name), '-', '+', 'COUNT', count);
      return (found as [Buffer, Buffer[]][]).map((letter) => ({ ...parseDeadLetter(letter), partition }));
    });
    return lists.flat();
  }

  /** Requests redelivery of dead letters by the holder. Returns how many of the ids exist. */
  async redeliver(partition: number, ids: readonly string[]): Promise<number> {
    const keys = this.#store.keys(partition);
    const named = [keys.dead(this.#name), keys.redeliver(this.#name)];
    return (await runScript(this.#store.redis, requestRedelivery, named, [...ids])) as number;
  }

  /** Records that retention removed entries that were not delivered. */
  async markLost(partition: number, upTo: string): Promise<void> {
    await this.#store.redis.set(this.#store.keys(partition).lost(this.#name), upTo);
  }

  #leaseKeys(keys: PartitionKeys): { lease: string; epoch: string } {
    const name = subscriptionLease(this.#name);
    return { lease: keys.lease(name), epoch: keys.epoch(name) };
  }
}
