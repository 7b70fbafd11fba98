// Acquires and updates the slots of the streaming server. A slot is a field in the hash of its vehicle:
//   <subscriber> <process> <connection> <last heartbeat, ms> <cursor>
// where process and connection are `-` while the slot is free.
import { defineScript } from './script.js';

const now = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function text(number) return string.format('%.0f', number) end
`;

/**
 * KEYS[1] hash        slots of the vehicle
 * KEYS[2] sorted set  vehicles with slots, by expiry
 * KEYS[3] hash        process → last heartbeat
 * ARGV[1] VIN   ARGV[2] subscriber   ARGV[3] process   ARGV[4] connection
 * ARGV[5] id of a new slot   ARGV[6] its cursor
 * ARGV[7] time of the first request, ms, or ''
 * ARGV[8] expiry of a slot, ms   ARGV[9] no-pong limit, ms   ARGV[10] dead-process limit, ms
 * ARGV[11] a holder whose last heartbeat is at most this much older than the request is alive, ms
 *
 * Reply: array of `old` or `new`, the slot and its cursor; or of `wait` and the time of the first request: no slot is
 * free, but a holder may be dead, which a later request finds out. A connection that already holds a slot has missed the
 * answer, and gets the same one.
 */
export const acquireSlot = defineScript(
  'acquire-slot',
  `
${now}
local slots, vins, processes = KEYS[1], KEYS[2], KEYS[3]
local vin, subscriber, process, connection, newId, newCursor = unpack(ARGV, 1, 6)
local asked = tonumber(ARGV[7]) or now
local window, noPong = tonumber(ARGV[8]), tonumber(ARGV[9])
local deadProcess, young = tonumber(ARGV[10]), tonumber(ARGV[11])
redis.call('HSET', processes, process, text(now))

local function isBefore(a, b)
  local aMs, aSequence = string.match(a, '^(%d+)-(%d+)$')
  local bMs, bSequence = string.match(b, '^(%d+)-(%d+)$')
  if tonumber(aMs) ~= tonumber(bMs) then return tonumber(aMs) < tonumber(bMs) end
  return tonumber(aSequence) < tonumber(bSequence)
end

local lowestId, lowestCursor
local mustWait = false
local all = redis.call('HGETALL', slots)
for i = 1, #all, 2 do
  local id, owner, holder, heldBy, seen, cursor =
    all[i], string.match(all[i + 1], '^(%S+) (%S+) (%S+) (%d+) (%d+%-%d+)$')
  seen = tonumber(seen)
  if not owner or now - seen > window then
    redis.call('HDEL', slots, id)
  elseif owner == subscriber and holder == process and heldBy == connection then
    return {id == newId and 'new' or 'old', id, cursor}
  elseif owner == subscriber then
    local isFree = holder == '-' or now - seen > noPong
    local isSure = seen >= asked - young
    if not isFree and holder ~= process then
      local beat = tonumber(redis.call('HGET', processes, holder))
      isFree = not beat or (beat < asked and now - asked >= deadProcess)
      isSure = isSure and beat and beat >= asked
    end
    if not isFree then
      mustWait = mustWait or not isSure
    elseif not lowestId or isBefore(cursor, lowestCursor) then
      lowestId, lowestCursor = id, cursor
    end
  end
end
if mustWait and not lowestId then return {'wait', text(asked)} end

local id, cursor = lowestId or newId, lowestCursor or newCursor
redis.call('HSET', slots, id, table.concat({subscriber, process, connection, text(now), cursor}, ' '))
redis.call('PEXPIRE', slots, window)
redis.call('ZADD', vins, text(now + window), vin)
return {lowestId and 'old' or 'new', id, cursor}
`,
);

/**
 * KEYS[1] sorted set  vehicles with slots, by expiry
 * KEYS[2] hash        process → last heartbeat
 * ARGV[1] key prefix of the slots   ARGV[2] process   ARGV[3] expiry of a slot, ms
 * ARGV[4…] per update: VIN, slot, subscriber, connection, cursor, `keep`, `free` or `new`
 *
 * Reply: string of one digit per update: 1 updated, 0 another connection holds the slot.
 */
export const updateSlots = defineScript(
  'update-slots',
  `
${now}
local vins, processes = KEYS[1], KEYS[2]
local prefix, process, window = ARGV[1], ARGV[2], tonumber(ARGV[3])
redis.call('HSET', processes, process, text(now))
redis.call('ZREMRANGEBYSCORE', vins, '-inf', '(' .. text(now))
local codes = {}
for i = 4, #ARGV, 6 do
  local vin, id, subscriber, connection, cursor, change = unpack(ARGV, i, i + 5)
  local slots = prefix .. vin
  local isOurs = change == 'new'
  if not isOurs then
    local slot = redis.call('HGET', slots, id)
    isOurs = slot and string.match(slot, '^%S+ %S+ (%S+) ') == connection
  end
  if isOurs then
    local isFree = change == 'free'
    redis.call('HSET', slots, id, table.concat(
      {subscriber, isFree and '-' or process, isFree and '-' or connection, text(now), cursor}, ' '))
    redis.call('PEXPIRE', slots, window)
    redis.call('ZADD', vins, text(now + window), vin)
  end
  codes[#codes + 1] = isOurs and '1' or '0'
end
return table.concat(codes)
`,
);
