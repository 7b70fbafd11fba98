// One partition of a subscription in the hands of the process that holds its lease. All owners read as one and the same
// consumer: who may work is said by the lease alone, so what is pending is always the holder's, and taking over means
// to read the pending entries from the first, in id order, before anything new.
import { compareEntryIds } from '@fleetbridge/protocol';

import { acquireLease, type HeldLease, releaseLease, renewLease } from '../lease/index.js';
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

const CONSUMER = 'holder';
const REDELIVERIES_A_READ = 100;
/** Copies, so that they outlive retention; beyond so many the oldest go. */
export const DEAD_LETTERS_KEPT = 100_000;

export interface SubscriptionPartition {
  store: Store;
  partition: number;
  subscription: string;
}

/** A pending entry that retention has taken has no `entry`. */
export interface PendingEntry {
  id: string;
  entry: LogEntry | undefined;
}

export interface DeadLetter {
  /** Of the dead letter; the record's own is `entry.id`. */
  id: string;
  entry: LogEntry;
  rejections: number;
  error: string;
  diedMs: number;
}

/** Name of the lease of a subscription's partition. */
export function subscriptionLease(subscription: string): string {
  return `subscription:${subscription}`;
}

/** Undefined while somebody else holds it. `start`: where a group that is not there yet begins. */
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

/** Makes the group when it is not there yet: it begins after `start`. */
export async function beginSubscription(
  { store, partition, subscription }: SubscriptionPartition,
  start: string,
): Promise<void> {
  const { records, epoch } = store.keys(partition);
  await runScript(store.redis, createGroup, [records, epoch(subscriptionLease(subscription))], [subscription, start]);
}

/** Every method that goes to Redis throws LeaseLost when the lease has passed to another; then nothing was done. */
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
   * Whether the lease can't have ended yet, by our own clocks and counted from before it was asked for. To be asked
   * before everything that leaves the process. Two clocks: one stands still while the machine sleeps, the other jumps.
   */
  isHeld(): boolean {
    const now = clock();
    return (
      now.steadyMs - this.#heldFromMs.steadyMs < this.#leaseMs && now.wallMs - this.#heldFromMs.wallMs < this.#leaseMs
    );
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

  /** Entries that nobody was given yet; when there are none, `lastId` is the end of the stream. */
  async readNew(count: number): Promise<{ entries: LogEntry[]; lastId: string }> {
    const { entries, lastId } = await this.#read('>', count);
    return { entries: entries.flatMap(({ entry }) => entry ?? []), lastId };
  }

  /** The entries of these ids, in their order; undefined for those that retention took. */
  async load(ids: readonly string[]): Promise<(LogEntry | undefined)[]> {
    return await Promise.all(
      ids.map(async (id) => {
        const [found] = await this.#store.redis.xrangeBuffer(this.#keys.records, id, id);
        return found && parseEntry(found as [Buffer, Buffer[]]);
      }),
    );
  }

  /** How often entries that are pending were rejected so far. */
  async rejections(): Promise<Map<string, number>> {
    const counts = await this.#store.redis.hgetall(this.#keys.rejections(this.#group));
    return new Map(Object.entries(counts).map(([id, count]) => [id, Number(count)]));
  }

  /** At most a thousand at once. */
  async acknowledge(ids: readonly string[]): Promise<void> {
    const { lease, records, rejections } = this.#names();
    await this.#run(acknowledgeEntries, [lease, records, rejections], [this.#group, ...ids]);
  }

  /** `rejections` counts this one. Returns whether that made it a dead letter. Can be repeated without harm. */
  async reject(
    id: string,
    { rejections, maximum, error, nowMs }: { rejections: number; maximum: number; error: string; nowMs: number },
  ): Promise<boolean> {
    const names = this.#names();
    const args = [this.#group, id, rejections, maximum, error, nowMs, DEAD_LETTERS_KEPT];
    return (await this.#run(rejectEntry, [names.lease, names.records, names.rejections, names.dead], args)) === 1;
  }

  /** Dead letters that an operator wants delivered again, oldest first. */
  async redeliveries(): Promise<DeadLetter[]> {
    const { lease, dead, redeliver } = this.#names();
    const args = [this.#lease.value, REDELIVERIES_A_READ];
    const found = await this.#translated(
      runScriptForBytes(this.#store.redis, readRedeliveries, [lease, dead, redeliver], args),
    );
    const letters = (found as [Buffer, Buffer[]][]).map(parseDeadLetter);
    return letters.sort((a, b) => compareEntryIds(a.id, b.id));
  }

  /** What became of a redelivery; `error` when it was rejected again. */
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

  /** A group that is gone was deleted or made anew by a seek, which ended our lease as well. */
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

export function parseDeadLetter([id, fields]: [Buffer, Buffer[]]): DeadLetter {
  const facts = new Map<string, string>();
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const name = fields[at]!.toString();
    if (name !== 'payload') facts.set(name, fields[at + 1]!.toString());
  }
  return {
    id: id.toString(),
    entry: { ...parseEntry([id, fields]), id: facts.get('entry') ?? '' },
    rejections: Number(facts.get('rejections') ?? 0),
    error: facts.get('error') ?? '',
    diedMs: Number(facts.get('died') ?? 0),
  };
}

interface Clock {
  steadyMs: number;
  wallMs: number;
}

function clock(): Clock {
  return { steadyMs: performance.now(), wallMs: Date.now() };
}
