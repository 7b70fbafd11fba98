// Signed vehicle commands: one command in flight per vehicle, counters that are never allocated twice, calls per minute.
import { SET_BACK_MS } from './leases.js';
import { defineScript } from './script.js';

const NOW = `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local function text(number) return string.format('%.0f', number) end
`;

/**
 * KEYS[1] string      turn
 * KEYS[2] counter     tickets and turns
 * KEYS[3] sorted set  waiting tickets by order
 * KEYS[4] sorted set  waiting tickets by expiry, ms
 * ARGV[1] ticket   ARGV[2] duration of a turn, ms   ARGV[3] expiry of a ticket that doesn't ask again, ms
 * ARGV[4] most waiting tickets
 *
 * Reply: string, the value of the turn when the ticket has it; 'waiting' or 'full' else.
 *
 * Tickets get the turn in the order in which they came, in all processes together. A ticket asks again and again; one of a
 * dead process expires.
 */
export const acquireTurnScript = defineScript(
  'acquire-turn',
  `${NOW}
local turn, epoch, queue, waiters = unpack(KEYS)
local ticket, turnMs, ticketMs, most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
-- those that expire later than possible were written before the clock of Redis was set back
local dead = redis.call('ZRANGEBYSCORE', waiters, '-inf', now)
local future = redis.call('ZRANGEBYSCORE', waiters, text(now + ticketMs + ${SET_BACK_MS}), '+inf')
for _, list in ipairs({dead, future}) do
  for _, each in ipairs(list) do
    redis.call('ZREM', queue, each)
    redis.call('ZREM', waiters, each)
  end
end
if redis.call('PTTL', turn) > turnMs + ${SET_BACK_MS} then redis.call('PEXPIRE', turn, ARGV[2]) end
local held = redis.call('EXISTS', turn) == 1
if not redis.call('ZSCORE', queue, ticket) then
  local waiting = redis.call('ZCARD', queue)
  if waiting >= most then return 'full' end
  redis.call('ZADD', queue, redis.call('INCR', epoch), ticket)
end
if not held and redis.call('ZRANGE', queue, 0, 0)[1] == ticket then
  redis.call('ZREM', queue, ticket)
  redis.call('ZREM', waiters, ticket)
  local value = ticket .. ' ' .. text(redis.call('INCR', epoch))
  redis.call('SET', turn, value, 'PX', ARGV[2])
  return value
end
redis.call('ZADD', waiters, text(now + ticketMs), ticket)
redis.call('PEXPIRE', queue, ARGV[2] + ARGV[3])
redis.call('PEXPIRE', waiters, ARGV[2] + ARGV[3])
return 'waiting'
`,
);

/** Fields of counters per vehicle: one per domain and epoch. Those of ended epochs are deleted, the oldest first. */
const EPOCHS_KEPT = 16;

/**
 * KEYS[1] string  turn
 * KEYS[2] hash    counters of the vehicle
 * ARGV[1] value of the turn   ARGV[2] domain and epoch   ARGV[3] lowest counter to allocate   ARGV[4] highest possible
 *
 * Reply: string, the counter; '' beyond the highest one. Integer -1 when the turn is no longer held.
 */
export const allocateCounterScript = defineScript(
  'allocate-counter',
  `${NOW}
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
local stored = redis.call('HGET', KEYS[2], ARGV[2])
local used = stored and tonumber(string.match(stored, '^%d+')) or 0
local counter = math.max(used + 1, tonumber(ARGV[3]))
if counter > tonumber(ARGV[4]) then return '' end
redis.call('HSET', KEYS[2], ARGV[2], text(counter) .. ' ' .. text(now))
if not stored and redis.call('HLEN', KEYS[2]) > ${EPOCHS_KEPT} then
  local all = redis.call('HGETALL', KEYS[2])
  local oldest, oldestMs
  for at = 1, #all, 2 do
    local ms = tonumber(string.match(all[at + 1], '%d+$'))
    if all[at] ~= ARGV[2] and (not oldestMs or ms < oldestMs) then oldest, oldestMs = all[at], ms end
  end
  redis.call('HDEL', KEYS[2], oldest)
end
return text(counter)
`,
);

/**
 * KEYS[1] string  turn
 * KEYS[2] hash    sessions of the vehicle
 * ARGV[1] value of the turn   ARGV[2] domain   ARGV[3] session; '' deletes it
 *
 * Reply: integer, 1; 0 when the turn is no longer held.
 */
export const writeSessionScript = defineScript(
  'write-session',
  `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[3] == '' then redis.call('HDEL', KEYS[2], ARGV[2]) else redis.call('HSET', KEYS[2], ARGV[2], ARGV[3]) end
return 1
`,
);

/**
 * KEYS[1] sorted set  calls of the vehicle in the last minute
 * ARGV[1] kind   ARGV[2] most calls of this kind per minute
 *
 * Reply: array of 1 and the calls of this kind, this one included; or 0 and the ms until the next one is possible.
 */
export const countCallScript = defineScript(
  'count-call',
  `${NOW}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - 60000)
-- the clock of Redis was set back
redis.call('ZREMRANGEBYSCORE', KEYS[1], text(now + ${SET_BACK_MS}), '+inf')
local count, oldest, last = 0, nil, 0
local calls = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
for at = 1, #calls, 2 do
  local kind, number = string.match(calls[at], '^(%S+) (%d+)$')
  last = math.max(last, tonumber(number))
  if kind == ARGV[1] then
    count = count + 1
    oldest = oldest or tonumber(calls[at + 1])
  end
end
if count >= tonumber(ARGV[2]) then return {0, oldest and math.max(1, oldest + 60000 - now) or 60000} end
redis.call('ZADD', KEYS[1], text(now), ARGV[1] .. ' ' .. text(last + 1))
redis.call('PEXPIRE', KEYS[1], 60000)
return {1, count + 1}
`,
);
