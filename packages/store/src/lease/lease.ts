// A lease makes one process the only one to do a partition's work. It carries an epoch that grows with every change
// of hands; scripts that write on its strength compare the whole value, so that a process which slept through the end
// of its lease can't write any more.

import type { PartitionKeys } from '../redis/index.js';
import { LeaseLost, type RedisConnection, runScript } from '../redis/index.js';
import { defineScript } from '../scripts/index.js';

export interface HeldLease {
  name: string;
  /** `<owner> <epoch>`, what the key holds while we hold it. */
  value: string;
  epoch: number;
}

/** Takes a lease that nobody holds, else undefined. */
export async function takeLease(
  redis: RedisConnection,
  keys: PartitionKeys,
  wanted: { name: string; owner: string; leaseMs: number },
): Promise<HeldLease | undefined> {
  const { name, owner, leaseMs } = wanted;
  const epoch = (await runScript(redis, take, [keys.lease(name), keys.epoch(name)], [owner, leaseMs])) as number;
  return epoch === 0 ? undefined : { name, epoch, value: `${owner} ${epoch}` };
}

/** Prolongs a held lease; throws LeaseLost when it ran out. */
export async function renewLease(
  redis: RedisConnection,
  keys: PartitionKeys,
  lease: HeldLease,
  leaseMs: number,
): Promise<void> {
  const isRenewed = (await runScript(redis, renew, [keys.lease(lease.name)], [lease.value, leaseMs])) as number;
  if (isRenewed !== 1) throw new LeaseLost(lease.name);
}

/** Gives a lease back, if it is still held. */
export async function releaseLease(redis: RedisConnection, keys: PartitionKeys, lease: HeldLease): Promise<void> {
  await runScript(redis, release, [keys.lease(lease.name)], [lease.value]);
}

// KEYS[1] lease, KEYS[2] epoch; ARGV[1] owner, ARGV[2] duration in ms. The new epoch, or 0 when somebody holds it.
// Also when memory is full: without a lease nobody could trim the log and make room. (Such flags came with Redis 7.)
const take = defineScript(
  'take-lease',
  `#!lua flags=allow-oom
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local epoch = redis.call('INCR', KEYS[2])
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. string.format('%d', epoch), 'PX', ARGV[2])
return epoch
`,
);

// KEYS[1] lease; ARGV[1] its value, ARGV[2] duration in ms.
const renew = defineScript(
  'renew-lease',
  `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`,
);

// KEYS[1] lease; ARGV[1] its value.
const release = defineScript(
  'release-lease',
  `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
`,
);
