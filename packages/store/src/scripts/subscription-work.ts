// What the holder of a subscription's lease does to its partition. Each script begins by comparing the lease's whole
// value (owner and epoch): a holder that slept through the end of its lease changes nothing any more, not even by
// reading, which would take entries away from its successor.
import { defineScript } from './script.js';

/** How the scripts say that the lease has passed to another. */
export const LEASE_LOST = 'LEASELOST';

const ONLY_THE_HOLDER = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('${LEASE_LOST} held by another process') end
`;

/**
 * KEYS[1] string lease   KEYS[2] stream records
 * ARGV: the lease's value, group, consumer, '>' for new entries or the id after which to list pending ones, count
 *
 * Replies with the entries, and when there are none with the stream's last id. A pending entry that retention took has
 * no fields.
 */
export const readSubscription = defineScript(
  'read-subscription',
  `${ONLY_THE_HOLDER}
local reply = redis.call('XREADGROUP', 'GROUP', ARGV[2], ARGV[3], 'COUNT', ARGV[5], 'STREAMS', KEYS[2], ARGV[4])
if reply and #reply[1][2] > 0 then return {reply[1][2], ''} end
local info = redis.call('XINFO', 'STREAM', KEYS[2])
for at = 1, #info, 2 do
  if info[at] == 'last-generated-id' then return {{}, info[at + 1]} end
end
return {{}, ''}
`,
);

/**
 * KEYS[1] string lease   KEYS[2] stream records   KEYS[3] hash rejections
 * ARGV: the lease's value, group, then entry ids (at most some thousands: unpack puts them on Lua's stack)
 */
export const acknowledgeEntries = defineScript(
  'acknowledge-entries',
  `${ONLY_THE_HOLDER}
local count = redis.call('XACK', KEYS[2], ARGV[2], unpack(ARGV, 3))
if redis.call('EXISTS', KEYS[3]) == 1 then redis.call('HDEL', KEYS[3], unpack(ARGV, 3)) end
return count
`,
);

/**
 * KEYS[1] string lease   KEYS[2] stream records   KEYS[3] hash rejections   KEYS[4] stream of dead letters
 * ARGV: the lease's value, group, entry id, how often it was rejected by now, maximum, error, now in ms, dead letters kept
 *
 * Counts, or past the maximum moves the entry to the dead letters: 1. The caller says the count, so that a repeated
 * call changes nothing.
 */
export const rejectEntry = defineScript(
  'reject-entry',
  `${ONLY_THE_HOLDER}
local id, rejections, maximum = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
if rejections < maximum then
  redis.call('HSET', KEYS[3], id, ARGV[4])
  return 0
end
-- a repeated call: it is dead already
if #redis.call('XPENDING', KEYS[2], ARGV[2], id, id, 1) == 0 then return 1 end
local found = redis.call('XRANGE', KEYS[2], id, id)
local fields = found[1] and found[1][2] or {}
redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[8], '*', 'entry', id, 'rejections', ARGV[4], 'error', ARGV[6],
  'died', ARGV[7], unpack(fields))
redis.call('XACK', KEYS[2], ARGV[2], id)
redis.call('HDEL', KEYS[3], id)
return 1
`,
);

/**
 * KEYS[1] string lease   KEYS[2] stream of dead letters   KEYS[3] set of those to deliver again
 * ARGV: the lease's value, count
 *
 * The oldest first, so that a vehicle's come in order.
 */
export const readRedeliveries = defineScript(
  'read-redeliveries',
  `${ONLY_THE_HOLDER}
local letters, ids = {}, redis.call('SMEMBERS', KEYS[3])
local function split(id)
  local ms, sequence = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms) or 0, tonumber(sequence) or 0
end
table.sort(ids, function(a, b)
  local aMs, aSequence = split(a)
  local bMs, bSequence = split(b)
  if aMs ~= bMs then return aMs < bMs end
  return aSequence < bSequence
end)
for _, id in ipairs(ids) do
  local found = redis.call('XRANGE', KEYS[2], id, id)
  if found[1] then letters[#letters + 1] = found[1] else redis.call('SREM', KEYS[3], id) end
  if #letters == tonumber(ARGV[2]) then break end
end
return letters
`,
);

/**
 * KEYS[1] string lease   KEYS[2] stream of dead letters   KEYS[3] set of those to deliver again
 * ARGV: the lease's value, id of the dead letter, error or '' when it was delivered, now in ms
 *
 * Delivered: it is gone. Rejected again: it is a dead letter with the new error, and waits for the next request.
 */
export const settleRedelivery = defineScript(
  'settle-redelivery',
  `${ONLY_THE_HOLDER}
redis.call('SREM', KEYS[3], ARGV[2])
local found = redis.call('XRANGE', KEYS[2], ARGV[2], ARGV[2])
if not found[1] then return 0 end
if ARGV[3] ~= '' then
  local fields = found[1][2]
  for at = 1, #fields, 2 do
    if fields[at] == 'error' then fields[at + 1] = ARGV[3] end
    if fields[at] == 'died' then fields[at + 1] = ARGV[4] end
    if fields[at] == 'rejections' then fields[at + 1] = string.format('%d', tonumber(fields[at + 1]) + 1) end
  end
  redis.call('XADD', KEYS[2], '*', unpack(fields))
end
return redis.call('XDEL', KEYS[2], ARGV[2])
`,
);
