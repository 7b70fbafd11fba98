// One partition of a subscription under the lease of this process. All owners read as the same consumer of the group:
// only the lease decides who may work, so pending entries always belong to the holder. A new holder reads the pending
// entries from the first one, in id order, before new entries.
import { compareEntryIds } from '@fleetbridge/protocol';

import { acquireLease, type HeldLease, releaseLease, renewLease, sinceBootMs } from '../lease/index.js';
import { type LogEntry, parseEntry } from '../log/index.js';
import { LeaseLost, type PartitionKeys, runScript, runScriptForBytes, type Store } from '../redis/index.js';
import {
  acknowledgeEntries,
  createGroup,
  LEASE_LOST,
  readRedeliveries,
  readSubscription,
  rejectEntry,
  settleRedelivery,
} from '../scripts/index.js';

import { type DeadLetter, parseDeadLetter } from './dead-letter.js';
import { SUSPENSION_KEPT_MS, type Suspension } from './suspension.js';

const CONSUMER = 'holder';
const REDELIVERIES_PER_READ = 100;
/** Dead letters are copies, which retention does not remove. Beyond this number the oldest are removed. */
export const DEAD_LETTERS_KEPT = 100_000;

export interface SubscriptionPartition {
  store: Store;
  partition: number;
  subscription: string;
}

/** `entry` is undefined when retention has removed a pending entry. */
export interface PendingEntry {
  id: string;
  entry: LogEntry | undefined;
}

/** The name of the lease of a subscription. */
export function subscriptionLease(subscription: string): string {
  return `subscription:${subscription}`;
}

/** Undefined while another process holds the lease. A group that does not exist yet begins after `start`. */
export async function acquireSubscription(
  place: SubscriptionPartition,
  { owner, leaseMs, start }: { owner: string; leaseMs: number; start: string },
): Promise<LeasedSubscription | undefined> {
  const { store, partition, subscription } = place;
  const heldFromMs = clock();
  const lease = await acquireLease(store, { partition, name: subscriptionLease(subscription), owner, leaseMs });
  if (lease === undefined) return undefined;
  try {
    await beginSubscription(place, start);
  } catch (error) {
    await releaseLease(store, lease).catch(() => {});
    throw error;
  }
  return new LeasedSubscription(place, { lease, leaseMs, heldFromMs });
}

/** Creates the group, unless it exists. It begins after `start`. */
export async function beginSubscription(
  { store, partition, subscription }: SubscriptionPartition,
  start: string,
): Promise<void> {
  const { records, epoch } = store.keys(partition);
  await runScript(store.redis, createGroup, [records, epoch(subscriptionLease(subscription))], [subscription, start]);
}

/** Every method that calls Redis throws LeaseLost, and changes nothing, when the lease is not held any more. */
export class LeasedSubscription {
  readonly #store: Store;
  readonly #keys: PartitionKeys;
  readonly #lease: HeldLease;
  readonly #leaseMs: number;
  readonly #group: string;
  #heldFromMs: Clock;

  constructor(
    { store, partition, subscription }: SubscriptionPartition,
    held: { lease: HeldLease; leaseMs: number; heldFromMs: Clock },
  ) {
    this.#store = store;
    this.#group = subscription;
    this.#keys = store.keys(partition);
    this.#lease = held.lease;
    this.#leaseMs = held.leaseMs;
    this.#heldFromMs = held.heldFromMs;
  }

  get epoch(): number {
    return this.#lease.epoch;
  }

  /**
   * Whether the lease can't have expired yet, by the clocks of this process and counted from before the request. Check it
   * before every delivery. The steady clock may stop while the machine sleeps, which the wall clock shows. That can be set,
   * so the time since boot decides; it takes too long to read it for every delivery.
   */
  isHeld(): boolean {
    const { steadyMs, wallMs, bootMs } = this.#heldFromMs;
    if (performance.now() - steadyMs >= this.#leaseMs) return false;
    return Date.now() - wallMs < this.#leaseMs || sinceBootMs() - bootMs < this.#leaseMs;
  }

  async renew(): Promise<void> {
    const askedMs = clock();
    await renewLease(this.#store, this.#lease, this.#leaseMs);
    this.#heldFromMs = askedMs;
  }

  async release(): Promise<void> {
    await releaseLease(this.#store, this.#lease);
  }

  /** Pending entries after this id, in id order. */
  async readPending(after: string, count: number): Promise<PendingEntry[]> {
    return (await this.#read(after, count)).entries;
  }

  /** Entries that were not delivered yet; when there are no entries, `lastId` is the end of the stream. */
  async readNew(count: number): Promise<{ entries: LogEntry[]; lastId: string }> {
    const { entries, lastId } = await this.#read('>', count);
    return { entries: entries.flatMap(({ entry }) => entry ?? []), lastId };
  }

  /** The entries of these ids, in their order; undefined for entries that retention has removed. */
  async load(ids: readonly string[]): Promise<(LogEntry | undefined)[]> {
    return await Promise.all(
      ids.map(async (id) => {
        const [found] = await this.#store.redis.xrangeBuffer(this.#keys.records, id, id);
        return found && parseEntry(found as [Buffer, Buffer[]]);
      }),
    );
  }

  /** By id of a pending entry: how often it was rejected. */
  async rejections(): Promise<Map<string, number>> {
    const counts = await this.#store.redis.hgetall(this.#keys.rejections(this.#group));
    return new Map(Object.entries(counts).map(([id, count]) => [id, Number(count)]));
  }

  /** At most a thousand ids per call. */
  async acknowledge(ids: readonly string[]): Promise<void> {
    const { lease, records, rejections } = this.#names();
    await this.#run(acknowledgeEntries, [lease, records, rejections], [this.#group, ...ids]);
  }

  /** `rejections` includes this one. Returns whether the entry is now a dead letter. Safe to repeat. */
  async reject(
    id: string,
    { rejections, maximum, error, nowMs }: { rejections: number; maximum: number; error: string; nowMs: number },
  ): Promise<boolean> {
    const names = this.#names();
    const args = [this.#group, id, rejections, maximum, error, nowMs, DEAD_LETTERS_KEPT];
    return (await this.#run(rejectEntry, [names.lease, names.records, names.rejections, names.dead], args)) === 1;
  }

  /**
   * Shows that the endpoint is away (undefined: it is not). Repeat it every few seconds: it expires. Not checked against
   * the lease: the next holder writes its own.
   */
  async setSuspension(suspension: Suspension | undefined): Promise<void> {
    const key = this.#keys.suspension(this.#group);
    if (suspension === undefined) await this.#store.redis.del(key);
    else await this.#store.redis.set(key, JSON.stringify(suspension), 'PX', SUSPENSION_KEPT_MS);
  }

  /** Dead letters whose redelivery was requested, oldest first. */
  async redeliveries(): Promise<DeadLetter[]> {
    const { lease, dead, redeliver } = this.#names();
    const args = [this.#lease.value, REDELIVERIES_PER_READ];
    const found = await this.#translated(
      runScriptForBytes(this.#store.redis, readRedeliveries, [lease, dead, redeliver], args),
    );
    const letters = (found as [Buffer, Buffer[]][]).map(parseDeadLetter);
    return letters.sort((a, b) => compareEntryIds(a.id, b.id));
  }

  /** Stores the outcome of a redelivery; `error` when it was rejected again. */
  async settleRedelivery(id: string, { error, nowMs }: { error?: string; nowMs: number }): Promise<void> {
    const { lease, dead, redeliver } = this.#names();
    await this.#run(settleRedelivery, [lease, dead, redeliver], [id, error === '' ? '-' : (error ?? ''), nowMs]);
  }

  async #read(after: string, count: number): Promise<{ entries: PendingEntry[]; lastId: string }> {
    const { lease, records } = this.#names();
    const args = [this.#lease.value, this.#group, CONSUMER, after, count];
    const reply = await this.#translated(
      runScriptForBytes(this.#store.redis, readSubscription, [lease, records], args),
    );
    const [found, lastId] = reply as [[Buffer, Buffer[] | null][], Buffer];
    const entries = found.map(([id, fields]) => ({
      id: id.toString(),
      entry: fields === null || fields === undefined ? undefined : parseEntry([id, fields]),
    }));
    return { entries, lastId: lastId.toString() };
  }

  #names() {
    const { records } = this.#keys;
    return {
      lease: this.#keys.lease(this.#lease.name),
      records,
      rejections: this.#keys.rejections(this.#group),
      dead: this.#keys.dead(this.#group),
      redeliver: this.#keys.redeliver(this.#group),
    };
  }

  #run(script: Parameters<typeof runScript>[1], keys: string[], args: (string | number)[]): Promise<unknown> {
    return this.#translated(runScript(this.#store.redis, script, keys, [this.#lease.value, ...args]));
  }

  /** A missing group was deleted or is being recreated by a seek, which also ended the lease. */
  async #translated(answer: Promise<unknown>): Promise<unknown> {
    try {
      return await answer;
    } catch (error) {
      const text = error instanceof Error ? error.message : '';
      if (text.startsWith(LEASE_LOST) || text.startsWith('NOGROUP')) throw new LeaseLost(this.#lease.name);
      throw error;
    }
  }
}

interface Clock {
  steadyMs: number;
  wallMs: number;
  bootMs: number;
}

function clock(): Clock {
  return { steadyMs: performance.now(), wallMs: Date.now(), bootMs: sinceBootMs() };
}
