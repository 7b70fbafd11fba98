// The latest readings of every vehicle, as hashes, and the cursor up to which they are written. Both change in one script
// that checks the lease of the writer and that the cursor grows: a snapshot never goes back, and is always the exact
// merge of the log up to its cursor. The format of a reading is defined by packages/vehicle-state.
import { BEGINNING, entryMs, isAfter } from '@fleetbridge/protocol';

import type { HeldLease } from '../lease/index.js';
import { LeaseLost, runScript, type Store } from '../redis/index.js';
import { clearSnapshots, commitSnapshot } from '../scripts/index.js';
import { firstUsageDay, USAGE_KEPT_MS } from '../usage/index.js';

/** The name of the lease for writing the snapshots of a partition. */
export const SNAPSHOT_LEASE = 'snapshot';

/** Received signals: day → VIN → number. */
export type SignalCounts = ReadonlyMap<string, ReadonlyMap<string, number>>;

export interface CountedSignals {
  /** The entry up to which they were counted before. */
  upTo: string | undefined;
  /** Of later entries only. */
  signals: SignalCounts;
}

/** In place of a cursor: this commit counts nothing. */
const NOT_COUNTED = '-';

/** Changed readings of one vehicle: signal → encoded reading. */
export type SnapshotChanges = Map<string, Record<string, string>>;

export interface Snapshot {
  hash: Record<string, string>;
  /** Of the partition, read before the hash: the hash includes everything at or before it, and possibly more. */
  cursor: string;
}

export class SnapshotStore {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** An unknown vehicle has an empty hash. */
  async read(vin: string): Promise<Snapshot> {
    const keys = this.#store.keysOf(vin);
    const cursor = (await this.#store.redis.get(keys.snapshotCursor)) ?? BEGINNING;
    return { cursor, hash: await this.#store.redis.hgetall(keys.snapshotPrefix + vin) };
  }

  /** The hash of `read`, reduced to these fields, for reading many vehicles. Unknown fields are left out. */
  async readings(vin: string, names: readonly string[]): Promise<Record<string, string>> {
    const keys = this.#store.keysOf(vin);
    const values = await this.#store.redis.hmget(keys.snapshotPrefix + vin, ...names);
    const hash: Record<string, string> = {};
    for (const [at, name] of names.entries()) {
      const value = values[at];
      if (typeof value === 'string') hash[name] = value;
    }
    return hash;
  }

  /** The entry up to which the snapshots of a partition are written. */
  async cursor(partition: number): Promise<string> {
    return (await this.#store.redis.get(this.#store.keys(partition).snapshotCursor)) ?? BEGINNING;
  }

  /** All vehicles that have a snapshot. */
  async vins(): Promise<string[]> {
    const lists = await this.#store.eachPartition(({ partition }) => this.vinsIn(partition));
    return lists.flat().sort();
  }

  vinsIn(partition: number): Promise<string[]> {
    return this.#store.redis.smembers(this.#store.keys(partition).vins);
  }

  /**
   * Deletes the snapshots of a partition and ends the lease of their writer, which acquires it again and reads the log
   * from its first entry. Values from records that the log no longer holds are lost.
   */
  async clear(partition: number): Promise<void> {
    const keys = this.#store.keys(partition);
    await runScript(
      this.#store.redis,
      clearSnapshots,
      [keys.lease(SNAPSHOT_LEASE), keys.snapshotCursor, keys.vins],
      [keys.snapshotPrefix],
    );
  }

  /** The entry up to which signals are counted; undefined before the first count. */
  async signalCursor(partition: number): Promise<string | undefined> {
    return (await this.#store.redis.get(this.#store.keys(partition).signalCursor)) ?? undefined;
  }

  /**
   * Throws LeaseLost, and writes nothing, when the lease is not held any more, another writer is ahead, or signals are
   * counted up to another entry than `counted.upTo`. Resolves with the entry up to which they are counted now.
   */
  async commit(
    partition: number,
    write: {
      lease: HeldLease;
      cursor: string;
      changes: SnapshotChanges;
      counted?: CountedSignals;
    },
  ): Promise<string | undefined> {
    const keys = this.#store.keys(partition);
    const { lease, cursor, counted } = write;
    const counts = [...(counted?.signals ?? [])].flatMap(([day, vins]) =>
      [...vins].map(([vin, signals]) => [vin, day, String(signals)]),
    );
    const expected = counted === undefined ? NOT_COUNTED : (counted.upTo ?? '');
    const args: string[] = [lease.value, cursor, keys.snapshotPrefix, expected, keys.signalDaysPrefix];
    args.push(firstUsageDay(entryMs(cursor)), String(USAGE_KEPT_MS), String(counts.length), ...counts.flat());
    for (const [vin, readings] of write.changes) {
      const pairs = Object.entries(readings).flat();
      args.push(vin, String(pairs.length), ...pairs);
    }
    const isWritten = await runScript(
      this.#store.redis,
      commitSnapshot,
      [keys.lease(lease.name), keys.snapshotCursor, keys.vins, keys.signalCursor],
      args,
    );
    if (isWritten !== 1) throw new LeaseLost(lease.name);
    if (counted === undefined) return undefined;
    return counted.upTo === undefined || isAfter(cursor, counted.upTo) ? cursor : counted.upTo;
  }
}
