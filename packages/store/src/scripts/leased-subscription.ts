// What the holder of a lease does with its partition of a subscription. Each script first compares the whole value of the
// lease (owner and epoch): a holder that was suspended past the expiry changes nothing, not even by reading, which would
// take entries from its successor.
import { defineScript } from './script.js';

/** Error code of the scripts when the lease is not held any more. */
export const LEASE_LOST = 'LEASELOST';

const ONLY_THE_HOLDER = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('${LEASE_LOST} held by another process') end
`;

/**
 * KEYS[1] string  lease
 * KEYS[2] stream  records
 * ARGV[1] value of the lease   ARGV[2] group   ARGV[3] consumer
 * ARGV[4] '>' for new entries, or the id after which to list pending entries   ARGV[5] count
 *
 * Reply: array of the entries and, when there are no entries, the last id of the stream. A pending entry that retention
 * removed has no fields.
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
 * KEYS[1] string  lease
 * KEYS[2] stream  records
 * KEYS[3] hash    rejections
 * ARGV[1] value of the lease   ARGV[2] group
 * ARGV[3…] entry ids (a few thousand at most: unpack puts them on the stack of Lua)
 *
 * Reply: integer, the number of acknowledged entries.
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
 * KEYS[1] string  lease
 * KEYS[2] stream  records
 * KEYS[3] hash    rejections
 * KEYS[4] stream  dead letters
 * ARGV[1] value of the lease   ARGV[2] group   ARGV[3] entry id   ARGV[4] number of rejections, this one included
 * ARGV[5] maximum   ARGV[6] error   ARGV[7] now, ms   ARGV[8] how many dead letters to keep
 *
 * Reply: integer, 0 when the rejection was stored, 1 when the entry is now a dead letter. The caller passes the number of
 * rejections, so that a repeated call changes nothing.
 */
export const rejectEntry = defineScript(
  'reject-entry',
  `${ONLY_THE_HOLDER}
local id, rejections, maximum = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
if rejections < maximum then
  redis.call('HSET', KEYS[3], id, ARGV[4])
  return 0
end
-- a repeated call: the entry is a dead letter already
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
 * KEYS[1] string  lease
 * KEYS[2] stream  dead letters
 * KEYS[3] set     ids of the dead letters to deliver again
 * ARGV[1] value of the lease   ARGV[2] count
 *
 * Reply: array of dead letters, the oldest first, so that those of a vehicle are in order.
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
 * KEYS[1] string  lease
 * KEYS[2] stream  dead letters
 * KEYS[3] set     ids of the dead letters to deliver again
 * ARGV[1] value of the lease   ARGV[2] id of the dead letter   ARGV[3] error, or '' when it was delivered
 * ARGV[4] now, ms
 *
 * Reply: integer, the number of deleted dead letters. A delivered one is deleted. One that was rejected again is replaced
 * by a dead letter with the new error, and waits for the next request.
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
