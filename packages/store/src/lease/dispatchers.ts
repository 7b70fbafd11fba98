// The dispatchers that live, so that each knows how much of the work is its share.

import { dispatchersKey, type RedisConnection, runScript } from '../redis/index.js';
import { defineScript } from '../scripts/index.js';

/** Says that this one lives for another `forMs`; returns how many do, this one included. */
export async function joinDispatchers(
  redis: RedisConnection,
  { namespace, owner, forMs }: { namespace: string; owner: string; forMs: number },
): Promise<number> {
  return (await runScript(redis, join, [dispatchersKey(namespace)], [owner, forMs])) as number;
}

export async function leaveDispatchers(
  redis: RedisConnection,
  { namespace, owner }: { namespace: string; owner: string },
): Promise<void> {
  await redis.zrem(dispatchersKey(namespace), owner);
}

// KEYS[1] sorted set of dispatchers; ARGV[1] owner, ARGV[2] for how many ms. Redis' own clock, which all share. Also when
// memory is full: dispatchers make room.
const join = defineScript(
  'join-dispatchers',
  `#!lua flags=allow-oom
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), ARGV[1])
return redis.call('ZCARD', KEYS[1])
`,
);
