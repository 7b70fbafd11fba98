// Deleting what is stored of one vehicle, a page at a time, so that Redis never stands still for it.
import { defineScript } from './script.js';

const OF_THE_VEHICLE = `
-- a few at a time: Redis copies what Lua looks at, and an entry may have a megabyte
local function idsOf(stream, vin, after, count)
  local ids, looked, bytes = {}, 0, 0
  while looked < tonumber(count) and bytes < 1000000 do
    local found = redis.call('XRANGE', stream, '(' .. after, '+', 'COUNT', 10)
    for _, entry in ipairs(found) do
      local fields = entry[2]
      local whose
      for at = 1, #fields, 2 do
        if fields[at] == 'vin' then whose = whose or fields[at + 1] end
        bytes = bytes + #fields[at + 1]
      end
      after, looked = entry[1], looked + 1
      if whose == vin then ids[#ids + 1] = after end
    end
    if #found < 10 then return ids, '' end
  end
  return ids, after
end
`;

/**
 * KEYS[1] stream records   KEYS[2] hash presence   KEYS[3] hash newest   KEYS[4] set VINs with a snapshot
 * KEYS[5] sorted set VINs with slots   KEYS[6] string lease of the snapshots   KEYS[7] sorted set forgotten
 * KEYS[8] string cursor of the snapshots   KEYS[9…] what is the vehicle's alone, to be deleted whole
 * ARGV: VIN, id after which to look, entries a page (fewer where they are large), prefix of the rejections, prefix of the subscriptions' leases,
 * fingerprint of the VIN, for how long that is kept (ms), how many entries went with earlier pages
 *
 * Deletes the vehicle's entries among the next ones of the log, for every subscription too. With the last page goes, in
 * the same step, all else that the vehicle has; the leases of those end who may have some of it in their memory and
 * write it again: they begin anew with what is left in the log. A cursor that all that is left comes after goes too: who
 * begins there would find entries gone that it may not have read, and report a loss. Replies with the id after which to go on ('' = done)
 * and the numbers of entries and of other things that were deleted.
 */
export const forgetRecords = defineScript(
  'forget-records',
  `${OF_THE_VEHICLE}
local records, presence, newest, vins, slotVins, lease, forgotten, cursorKey = unpack(KEYS, 1, 8)
local vin, after, count, rejections, leases, fingerprint, keepMs, earlier, replaced = unpack(ARGV)
local ids, following = idsOf(records, vin, after, count)
local function isBegunAt(cursor)
  local first = redis.call('XRANGE', records, '-', cursor, 'COUNT', 1)
  return #first > 0
end
if #ids > 0 then
  local cursor = redis.call('GET', cursorKey)
  local wasBegun = cursor and isBegunAt(cursor)
  for _, group in ipairs(redis.call('XINFO', 'GROUPS', records)) do
    local name
    for at = 1, #group, 2 do if group[at] == 'name' then name = group[at + 1] end end
    if redis.call('XACK', records, name, unpack(ids)) > 0 then redis.call('DEL', leases .. name) end
    redis.call('HDEL', rejections .. name, unpack(ids))
  end
  redis.call('XDEL', records, unpack(ids))
  if wasBegun and not isBegunAt(cursor) then redis.call('DEL', cursorKey) end
end
if following ~= '' then return {following, #ids, 0} end

local others = redis.call('HDEL', newest, vin) + redis.call('SREM', vins, vin) + redis.call('ZREM', slotVins, vin)
for at = 9, #KEYS do others = others + redis.call('DEL', KEYS[at]) end
local connection = redis.call('HGET', presence, vin)
if connection then
  others = others + redis.call('HDEL', presence, vin)
  -- whoever holds that socket ends it (replaced-connections.ts): a vehicle that may come back connects anew
  redis.call('PUBLISH', replaced, vin .. ' ' .. string.match(connection, '^%S*'))
end
if #ids + tonumber(earlier) + others > 0 then redis.call('DEL', lease) end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('ZREMRANGEBYSCORE', forgotten, '-inf', now - tonumber(keepMs))
redis.call('ZADD', forgotten, now, fingerprint)
redis.call('PEXPIRE', forgotten, keepMs)
return {'', #ids, others}
`,
);

/**
 * KEYS[1] stream of messages with the VIN in a field   KEYS[2] set of the dead letters to deliver again
 * KEYS[3] string lease of the subscription; for the quarantine there are no second and third
 * ARGV: VIN, id after which to look, entries a page (fewer where they are large)
 *
 * Replies with the id after which to go on ('' = done) and how many were deleted.
 */
export const forgetMessages = defineScript(
  'forget-messages',
  `${OF_THE_VEHICLE}
local ids, following = idsOf(KEYS[1], ARGV[1], ARGV[2], ARGV[3])
if #ids > 0 then
  redis.call('XDEL', KEYS[1], unpack(ids))
  if KEYS[2] then
    redis.call('SREM', KEYS[2], unpack(ids))
    redis.call('DEL', KEYS[3])
  end
end
return {following, #ids}
`,
);
