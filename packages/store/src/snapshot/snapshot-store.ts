// The latest readings of every vehicle, as hashes, and the cursor up to which they are written. Both change in one
// script that checks the writer's lease and that the cursor grows: a snapshot can't go back, and is always the exact
// merge of the log up to its cursor. What a reading looks like is the affair of packages/vehicle-state.

import type { HeldLease } from '../lease/index.js';
import { BEGINNING } from '../log/index.js';
import {
  LeaseLost,
  type PartitionKeys,
  partitionKeys,
  partitionOf,
  type RedisConnection,
  runScript,
} from '../redis/index.js';
import { defineScript } from '../scripts/index.js';

/** The name of the lease under which a partition's snapshots are kept. */
export const SNAPSHOT_LEASE = 'snapshot';

/** Changed readings of one vehicle: signal → encoded reading. */
export type SnapshotChanges = Map<string, Record<string, string>>;

export interface Snapshot {
  hash: Record<string, string>;
  /** Of the vehicle's partition, read before the hash: the hash holds all that is at or before it, and maybe more. */
  cursor: string;
}

export interface SnapshotStoreOptions {
  redis: RedisConnection;
  namespace: string;
  partitions: number;
}

export class SnapshotStore {
  readonly #redis: RedisConnection;
  readonly #keys: PartitionKeys[];

  constructor({ redis, namespace, partitions }: SnapshotStoreOptions) {
    this.#redis = redis;
    this.#keys = Array.from({ length: partitions }, (_, partition) => partitionKeys(namespace, partition));
  }

  /** An unknown vehicle has an empty hash. */
  async read(vin: string): Promise<Snapshot> {
    const keys = this.#keys[partitionOf(vin, this.#keys.length)]!;
    const cursor = (await this.#redis.get(keys.snapshotCursor)) ?? BEGINNING;
    return { cursor, hash: await this.#redis.hgetall(keys.snapshotPrefix + vin) };
  }

  /** As the hash of `read`, of these fields alone: for who looks at many vehicles. What is not known is left out. */
  async readings(vin: string, names: readonly string[]): Promise<Record<string, string>> {
    const keys = this.#keys[partitionOf(vin, this.#keys.length)]!;
    const values = await this.#redis.hmget(keys.snapshotPrefix + vin, ...names);
    const hash: Record<string, string> = {};
    for (const [at, name] of names.entries()) {
      const value = values[at];
      if (typeof value === 'string') hash[name] = value;
    }
    return hash;
  }

  /** Up to where the snapshots of a partition are written. */
  async cursor(partition: number): Promise<string> {
    return (await this.#redis.get(this.#keys[partition]!.snapshotCursor)) ?? BEGINNING;
  }

  /** All vehicles that have a snapshot. */
  async vins(): Promise<string[]> {
    const lists = await Promise.all(this.#keys.map((_, partition) => this.vinsIn(partition)));
    return lists.flat().sort();
  }

  vinsIn(partition: number): Promise<string[]> {
    return this.#redis.smembers(this.#keys[partition]!.vins);
  }

  /**
   * Forgets a partition's snapshots and ends the lease of whoever keeps them: the keeper takes it anew and reads the log
   * from its first entry. What only older records said, that the log does not keep any more, is gone then.
   */
  async clear(partition: number): Promise<void> {
    const keys = this.#keys[partition]!;
    await runScript(
      this.#redis,
      clearSnapshots,
      [keys.lease(SNAPSHOT_LEASE), keys.snapshotCursor, keys.vins],
      [keys.snapshotPrefix],
    );
  }

  /** Throws LeaseLost when the lease is no longer ours or another writer is ahead; then nothing was written. */
  async commit(
    partition: number,
    write: { lease: HeldLease; cursor: string; changes: SnapshotChanges },
  ): Promise<void> {
    const keys = this.#keys[partition]!;
    const args: string[] = [write.lease.value, write.cursor, keys.snapshotPrefix];
    for (const [vin, readings] of write.changes) {
      const pairs = Object.entries(readings).flat();
      args.push(vin, String(pairs.length), ...pairs);
    }
    const done = await runScript(
      this.#redis,
      commitSnapshot,
      [keys.lease(write.lease.name), keys.snapshotCursor, keys.vins],
      args,
    );
    if (done !== 1) throw new LeaseLost(write.lease.name);
  }
}

/**
 * KEYS[1] string lease   KEYS[2] string cursor   KEYS[3] set of VINs
 * ARGV[1] the lease's value, ARGV[2] new cursor, ARGV[3] prefix of the snapshots, then for each vehicle: VIN, number
 * of arguments that follow for it, and these as field, value, …
 */
const commitSnapshot = defineScript(
  'commit-snapshot',
  `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local function split(id)
  local ms, sequence = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(sequence)
end
local old = redis.call('GET', KEYS[2])
if old then
  local oldMs, oldSequence = split(old)
  local newMs, newSequence = split(ARGV[2])
  if newMs < oldMs or (newMs == oldMs and newSequence <= oldSequence) then return 0 end
end
local at = 4
while at <= #ARGV do
  local vin, count = ARGV[at], tonumber(ARGV[at + 1])
  redis.call('SADD', KEYS[3], vin)
  local first = at + 2
  while first < at + 2 + count do
    -- unpack puts its values on Lua's stack, which holds some thousands
    local last = math.min(first + 999, at + 1 + count)
    redis.call('HSET', ARGV[3] .. vin, unpack(ARGV, first, last))
    first = last + 1
  end
  at = at + 2 + count
end
redis.call('SET', KEYS[2], ARGV[2])
return 1
`,
);

/** KEYS[1] string lease   KEYS[2] string cursor   KEYS[3] set of VINs; ARGV[1] prefix of the snapshots */
const clearSnapshots = defineScript(
  'clear-snapshots',
  `
for _, vin in ipairs(redis.call('SMEMBERS', KEYS[3])) do redis.call('DEL', ARGV[1] .. vin) end
return redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
`,
);
