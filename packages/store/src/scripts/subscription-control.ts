// What an operator does to a subscription's partition, whoever holds its lease.
import { defineScript } from './script.js';

/**
 * KEYS[1] stream records   KEYS[2] string lease   KEYS[3] counter epoch   KEYS[4] hash rejections   KEYS[5] string lost
 * ARGV: group, id after which to go on
 *
 * XGROUP SETID would keep what is pending, so the group is made anew. The holder's lease ends with it: what it still
 * has in its hands it can't acknowledge in the new group, and whoever takes the lease begins at the new position.
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
 * no subscription earlier, does not remove this group as a leftover (dropSubscription with ARGV[2]).
 *
 * KEYS[1] stream   records
 * KEYS[2] counter  epoch of the lease
 * ARGV[1] group    ARGV[2] id after which it begins
 *
 * Reply: integer, the new epoch.
 */
export const createGroup = defineScript(
  'create-group',
  `
local made = redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], ARGV[2], 'MKSTREAM')
if made.err and string.sub(made.err, 1, 9) ~= 'BUSYGROUP' then return redis.error_reply(made.err) end
return redis.call('INCR', KEYS[2])
`,
);

/**
 * KEYS[1] stream records   KEYS[2] string lease   KEYS[3] counter epoch   KEYS[4] hash rejections
 * KEYS[5] stream of dead letters   KEYS[6] set of those to deliver again   KEYS[7] string lost
 * ARGV: group, epoch: only while the lease has this epoch; absent: whatever the epoch is
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
 * KEYS[1] stream records   KEYS[2] string lease   KEYS[3] string lost   KEYS[4] stream of dead letters
 * ARGV: group, how many entries to count at most where Redis does not know the number
 *
 * Replies with: last delivered id ('' = no such group), number pending, oldest pending id, first id not delivered yet,
 * number not delivered, 1 when that is only counted up to the limit, now in ms, the lease, lost, number of dead letters.
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

/** KEYS[1] stream of dead letters, KEYS[2] set of those to deliver again; ARGV: ids. How many of them there are. */
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
