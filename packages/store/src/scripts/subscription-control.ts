// Creates, moves, measures and drops a partition of a subscription, regardless of who holds its lease.
import { defineScript } from './script.js';

/**
 * KEYS[1] stream   records
 * KEYS[2] string   lease
 * KEYS[3] counter  epoch of the lease
 * KEYS[4] hash     rejections
 * KEYS[5] string   lost
 * ARGV[1] group    ARGV[2] id after which to continue
 *
 * Reply: integer, the new epoch.
 *
 * XGROUP SETID would keep the pending entries, so the group is created again. This ends the lease of the holder: it can't
 * acknowledge its entries in the new group, and the next holder begins at the new position.
 */
export const seekSubscription = defineScript(
  'seek-subscription',
  `
redis.pcall('XGROUP', 'DESTROY', KEYS[1], ARGV[1])
redis.call('XGROUP', 'CREATE', KEYS[1], ARGV[1], ARGV[2], 'MKSTREAM')
redis.call('DEL', KEYS[2], KEYS[4], KEYS[5])
return redis.call('INCR', KEYS[3])
`,
);

/**
 * Adds a definition, unless there is one of this name. A new subscription is not paused.
 *
 * KEYS[1] hash  subscriptions
 * ARGV[1] name   ARGV[2] definition   ARGV[3] field that marks it as paused
 *
 * Reply: integer, 1 when added, 0 when the name is in use.
 */
export const addSubscription = defineScript(
  'add-subscription',
  `
if redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
redis.call('HDEL', KEYS[1], ARGV[3])
return 1
`,
);

/**
 * Creates the group, unless there is one. The epoch grows, so that a concurrent creation of the same name, which found
 * no subscription earlier, does not remove this group as a leftover (dropSubscription with ARGV[2]). It also works when
 * memory is full: a dispatcher that starts then must deliver, because retention by number keeps what is not delivered.
 *
 * KEYS[1] stream   records
 * KEYS[2] counter  epoch of the lease
 * ARGV[1] group    ARGV[2] id after which it begins
 *
 * Reply: integer, the new epoch.
 */
export const createGroup = defineScript(
  'create-group',
  `#!lua flags=allow-oom
local made = redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], ARGV[2], 'MKSTREAM')
if made.err and string.sub(made.err, 1, 9) ~= 'BUSYGROUP' then return redis.error_reply(made.err) end
return redis.call('INCR', KEYS[2])
`,
);

/**
 * KEYS[1] stream   records
 * KEYS[2] string   lease
 * KEYS[3] counter  epoch of the lease
 * KEYS[4] hash     rejections
 * KEYS[5] stream   dead letters
 * KEYS[6] set      ids of the dead letters to deliver again
 * KEYS[7] string   lost
 * ARGV[1] group    ARGV[2] drop only while the epoch has this value; absent: always
 *
 * Reply: integer, the new epoch; 0 when the epoch has another value.
 */
export const dropSubscription = defineScript(
  'drop-subscription',
  `
if ARGV[2] and (redis.call('GET', KEYS[3]) or '0') ~= ARGV[2] then return 0 end
redis.pcall('XGROUP', 'DESTROY', KEYS[1], ARGV[1])
redis.call('DEL', KEYS[2], KEYS[4], KEYS[5], KEYS[6], KEYS[7])
return redis.call('INCR', KEYS[3])
`,
);

/**
 * KEYS[1] stream  records
 * KEYS[2] string  lease
 * KEYS[3] string  lost
 * KEYS[4] stream  dead letters
 * ARGV[1] group   ARGV[2] maximum number of entries to count where Redis does not know the lag
 *
 * Reply: array of the last delivered id ('' = the group does not exist), the number of pending entries, the oldest
 * pending id, the first id not delivered, the number of entries not delivered, 1 when that number reached the maximum,
 * now (ms), the lease, lost, the number of dead letters.
 */
export const measureLag = defineScript(
  'measure-lag',
  `
local last, lag
local groups = redis.pcall('XINFO', 'GROUPS', KEYS[1])
for _, group in ipairs(groups.err and {} or groups) do
  local facts = {}
  for at = 1, #group, 2 do facts[group[at]] = group[at + 1] end
  if facts['name'] == ARGV[1] then last, lag = facts['last-delivered-id'], facts['lag'] end
end
local time = redis.call('TIME')
local now = string.format('%d', tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000))
local lease, lost = redis.call('GET', KEYS[2]) or '', redis.call('GET', KEYS[3]) or ''
local dead = redis.call('XLEN', KEYS[4])
if not last then return {'', 0, '', '', 0, 0, now, lease, lost, dead} end
local pending = redis.call('XPENDING', KEYS[1], ARGV[1])
local following = redis.call('XRANGE', KEYS[1], '(' .. last, '+', 'COUNT', 1)
local first = following[1] and following[1][1] or ''
local isBounded = 0
if not lag then
  lag = #redis.call('XRANGE', KEYS[1], '(' .. last, '+', 'COUNT', ARGV[2])
  if lag >= tonumber(ARGV[2]) then isBounded = 1 end
end
return {last, pending[1], pending[2] or '', first, lag, isBounded, now, lease, lost, dead}
`,
);

/**
 * KEYS[1] stream  dead letters
 * KEYS[2] set     ids of the dead letters to deliver again
 * ARGV[1…] ids of dead letters
 *
 * Reply: integer, how many of the dead letters exist.
 */
export const requestRedelivery = defineScript(
  'request-redelivery',
  `
local count = 0
for _, id in ipairs(ARGV) do
  if #redis.call('XRANGE', KEYS[1], id, id) == 1 then
    redis.call('SADD', KEYS[2], id)
    count = count + 1
  end
end
return count
`,
);
