// Deletes what is stored of one vehicle, in pages, so that Redis is never blocked for long.
import { defineScript } from './script.js';

const OF_THE_VEHICLE = `
-- in small steps: Redis copies what Lua reads, and an entry may have a megabyte
local function idsOf(stream, vin, after, count)
  local ids, looked, bytes = {}, 0, 0
  while looked < tonumber(count) and bytes < 1000000 do
    local found = redis.call('XRANGE', stream, '(' .. after, '+', 'COUNT', 10)
    for _, entry in ipairs(found) do
      local fields = entry[2]
      local owner
      for at = 1, #fields, 2 do
        if fields[at] == 'vin' then owner = owner or fields[at + 1] end
        bytes = bytes + #fields[at + 1]
      end
      after, looked = entry[1], looked + 1
      if owner == vin then ids[#ids + 1] = after end
    end
    if #found < 10 then return ids, '' end
  end
  return ids, after
end
`;

/**
 * KEYS[1] stream      records
 * KEYS[2] hash        presence
 * KEYS[3] hash        VIN → time of its newest stored record
 * KEYS[4] set         VINs with a snapshot
 * KEYS[5] sorted set  VINs with slots
 * KEYS[6] string      lease of the snapshots
 * KEYS[7] sorted set  fingerprints of forgotten vehicles
 * KEYS[8] string      cursor of the snapshots
 * KEYS[9] sorted set  VINs over VEHICLE_BYTES_PER_MINUTE
 * KEYS[10…] any type    keys of this vehicle only, deleted as a whole
 * ARGV[1] VIN   ARGV[2] id after which to search   ARGV[3] entries per page (fewer when they are large)
 * ARGV[4] key prefix of the rejections   ARGV[5] key prefix of the leases of subscriptions
 * ARGV[6] fingerprint of the VIN   ARGV[7] expiry of the fingerprint, ms
 * ARGV[8] how many entries earlier pages deleted   ARGV[9] channel of replaced connections
 *
 * Reply: array of the id after which to continue ('' = done), the number of deleted entries, the number of other deleted
 * items.
 *
 * Deletes the entries of the vehicle in the next page of the log, for every subscription too. The last page also deletes,
 * in the same step, everything else of the vehicle, and ends the leases of processes that may hold some of it in memory
 * and write it again: they restart from what is left in the log. It also deletes a cursor of the snapshots that is now
 * before the first entry: a reader that begins there would report deleted entries as lost.
 */
export const forgetRecords = defineScript(
  'forget-records',
  `${OF_THE_VEHICLE}
local records, presence, newest, vins, slotVins, lease, forgotten, cursorKey, limited = unpack(KEYS, 1, 9)
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
  + redis.call('ZREM', limited, vin)
for at = 10, #KEYS do others = others + redis.call('DEL', KEYS[at]) end
local connection = redis.call('HGET', presence, vin)
if connection then
  others = others + redis.call('HDEL', presence, vin)
  -- the process that holds the socket closes it (replaced-connections.ts): an admitted vehicle reconnects
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
 * KEYS[1] stream  messages with the VIN in a field
 * KEYS[2] set     ids of the dead letters to deliver again; absent for the quarantine
 * KEYS[3] string  lease of the subscription; absent for the quarantine
 * ARGV[1] VIN   ARGV[2] id after which to search   ARGV[3] entries per page (fewer when they are large)
 *
 * Reply: array of the id after which to continue ('' = done), the number of deleted messages.
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
