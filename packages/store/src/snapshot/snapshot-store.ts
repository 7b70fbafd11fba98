// The latest readings of every vehicle, as hashes, and the cursor up to which they are written. Both change in one script
// that checks the lease of the writer and that the cursor grows: a snapshot never goes back, and is always the exact
// merge of the log up to its cursor. The format of a reading is defined by packages/vehicle-state.
import { BEGINNING } from '@fleetbridge/protocol';

import type { HeldLease } from '../lease/index.js';
import { LeaseLost, runScript, type Store } from '../redis/index.js';
import { clearSnapshots, commitSnapshot } from '../scripts/index.js';

/** The name of the lease for writing the snapshots of a partition. */
export const SNAPSHOT_LEASE = 'snapshot';

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

  /** Throws LeaseLost, and writes nothing, when the lease is not held any more or another writer is ahead. */
  async commit(
    partition: number,
    write: { lease: HeldLease; cursor: string; changes: SnapshotChanges },
  ): Promise<void> {
    const keys = this.#store.keys(partition);
    const args: string[] = [write.lease.value, write.cursor, keys.snapshotPrefix];
    for (const [vin, readings] of write.changes) {
      const pairs = Object.entries(readings).flat();
      args.push(vin, String(pairs.length), ...pairs);
    }
    const isWritten = await runScript(
      this.#store.redis,
      commitSnapshot,
      [keys.lease(write.lease.name), keys.snapshotCursor, keys.vins],
      args,
    );
    if (isWritten !== 1) throw new LeaseLost(write.lease.name);
  }
}
