// What REST has answered for a vehicle, and its ids there.
import { defineScript } from './script.js';

/**
 * KEYS[1] hash  answered times of the vehicle
 * ARGV[1] now, ms   ARGV[2] state of the vehicle   ARGV[3] time of its newest record, ms   ARGV[4] id of that record
 * ARGV[5] status of its software update
 *
 * Reply: array of the state to answer, the timestamp for vehicle_data, the software update's status to answer.
 *
 * TeslaMate ends, or fetches without a pause, when a timestamp is older than one before, older than the last `asleep` or
 * `offline` that was answered, or later than its own clock (docs/protocol/teslamate.md#clocks). So `online` needs a record
 * after the last of these, and while the clock is behind the last timestamp, neither of them is answered.
 * From `installing` the status of an update becomes empty for a while: TeslaMate crashes when `available` follows.
 */
export const answerState = defineScript(
  'answer-state',
  `
local now, wanted, record, entry, update = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]
local known = redis.call('HMGET', KEYS[1], 'data', 'rest', 'rest_state', 'rest_entry', 'update', 'update_ms')
local data, rest = tonumber(known[1] or '0'), tonumber(known[2] or '0')
local restState, restEntry = known[3] or 'offline', known[4] or '0-0'
local function text(number) return string.format('%.0f', number) end
local function isAfter(a, b)
  local aMs, aSequence = string.match(a, '^(%d+)-(%d+)$')
  local bMs, bSequence = string.match(b, '^(%d+)-(%d+)$')
  if aMs ~= bMs then return tonumber(aMs) > tonumber(bMs) end
  return tonumber(aSequence) > tonumber(bSequence)
end
local function answerRest(state)
  if now > rest then redis.call('HSET', KEYS[1], 'rest', text(now)) end
  if state ~= known[3] then redis.call('HSET', KEYS[1], 'rest_state', state) end
  if wanted ~= 'online' and isAfter(entry, restEntry) then redis.call('HSET', KEYS[1], 'rest_entry', entry) end
  return {state, text(data), ''}
end
if wanted ~= 'online' and now >= data then return answerRest(wanted) end
if wanted == 'online' then
  local isNew = rest == 0 or isAfter(entry, restEntry)
  if not isNew or rest >= math.max(now, data) then return answerRest(restState) end
end
local time = math.min(math.max(record, data, rest + 1), math.max(now, data))
if time ~= data then redis.call('HSET', KEYS[1], 'data', text(time)) end
local shown = update
local before, sinceMs = known[5] or '', tonumber(known[6] or '0')
if update ~= 'installing' and update ~= '' then
  if before == 'installing' or (before == 'installed' and now < sinceMs + 300000) then shown = '' end
end
local stored = shown
if shown == '' and before == 'installing' then stored = 'installed' end
if shown == '' and before == 'installed' and now < sinceMs + 300000 then stored = 'installed' end
if stored ~= before then redis.call('HSET', KEYS[1], 'update', stored, 'update_ms', text(now)) end
return {'online', text(time), shown}
`,
);

/**
 * KEYS[1] hash  VIN → ids
 * ARGV[1] VIN   ARGV[2…] pairs of ids, `<id> <vehicle id>`, the preferred one first
 *
 * Reply: string, the ids of the VIN: those it has, else the first pair of which no other vehicle has an id.
 */
export const assignVehicleIds = defineScript(
  'assign-vehicle-ids',
  `
local own = redis.call('HGET', KEYS[1], ARGV[1])
if own then return own end
local used = {}
for _, pair in ipairs(redis.call('HVALS', KEYS[1])) do
  for id in string.gmatch(pair, '%d+') do used[id] = true end
end
for at = 2, #ARGV do
  local id, vehicleId = string.match(ARGV[at], '^(%d+) (%d+)$')
  if not used[id] and not used[vehicleId] then
    redis.call('HSET', KEYS[1], ARGV[1], ARGV[at])
    return ARGV[at]
  end
end
return false
`,
);
