// Leases, and the set of running dispatchers. They also work when memory is full: without a lease no dispatcher can trim
// the log and free memory. (Script flags need Redis 7.)
import { defineScript } from './script.js';

/** What expires later than possible by more than this was written before the clock of Redis was set back. */
export const SET_BACK_MS = 60_000;

/**
 * KEYS[1] string   lease
 * KEYS[2] counter  epoch of the lease
 * ARGV[1] owner    ARGV[2] duration, ms
 *
 * Reply: integer, the new epoch; 0 when the lease is held.
 */
export const acquireLeaseScript = defineScript(
  'acquire-lease',
  `#!lua flags=allow-oom
if redis.call('EXISTS', KEYS[1]) == 1 then
  -- longer than any lease: the clock of Redis was set back, and that of a dead process would last for that time too
  if redis.call('PTTL', KEYS[1]) > tonumber(ARGV[2]) + ${SET_BACK_MS} then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
  return 0
end
local epoch = redis.call('INCR', KEYS[2])
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. string.format('%d', epoch), 'PX', ARGV[2])
return epoch
`,
);

/**
 * KEYS[1] string  lease
 * ARGV[1] value of the lease   ARGV[2] duration, ms
 *
 * Reply: integer, 1 when extended, 0 when the lease is no longer held.
 */
export const renewLeaseScript = defineScript(
  'renew-lease',
  `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`,
);

/**
 * KEYS[1] string  lease
 * ARGV[1] value of the lease
 *
 * Reply: integer, 1 when released, 0 when the lease was no longer held.
 */
export const releaseLeaseScript = defineScript(
  'release-lease',
  `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
`,
);

/**
 * KEYS[1] sorted set  dispatchers by expiry, ms
 * ARGV[1] owner       ARGV[2] time to live, ms
 *
 * Reply: integer, the number of running dispatchers, this one included. Uses the clock of Redis, which all share.
 */
export const joinDispatchersScript = defineScript(
  'join-dispatchers',
  `#!lua flags=allow-oom
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
-- the clock of Redis was set back: what is running joins again, and what has died must not count until the old time
redis.call('ZREMRANGEBYSCORE', KEYS[1], string.format('%.0f', now + tonumber(ARGV[2]) + ${SET_BACK_MS}), '+inf')
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), ARGV[1])
return redis.call('ZCARD', KEYS[1])
`,
);
