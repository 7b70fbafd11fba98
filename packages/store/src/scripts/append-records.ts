// Appends the records of one call in their order, and reports the outcome of each.
import { defineScript } from './script.js';

/** A record in flight for longer may have been sent again to another process, which may have stored it. */
export const LATE_MS = 250;

/** A clock that is behind the newest entry of the log by more than this is wrong, and not that of another machine. */
export const CLOCK_BEHIND_MS = 10_000;

/** A record whose own time is later than the log's by more than this is stored with the time of the log. */
const CLOCK_AHEAD_MS = 60_000;
/** Vehicles less ahead than this are not looked up. */
const AHEAD_LOOKUP_MS = 1_000;
/** While the clock of the log is behind, the time of a vehicle is used unless it is later than the newest entry by more. */
const MAX_TRUSTED_AHEAD_MS = 30 * 86_400_000;
const VEHICLE_TIME_EXPIRY_MS = 7 * 86_400_000;

/**
 * KEYS[1] stream  records
 * KEYS[2] hash    presence
 * KEYS[3] hash    VIN → time of its newest stored record
 * KEYS[4] string  number of abandoned calls of this appender
 * ARGV[1] key prefix of the rings of seen records
 * ARGV[2] id of the sending process
 * ARGV[3] `1`: this call is a repetition, check every record for a repeat
 * ARGV[4] the records, packed by record-packing.ts
 * ARGV[5] the number of this call: how many calls the appender abandoned before it
 * ARGV[6] `1`: this is a cluster, whose slots can move
 * ARGV[7] when the call was sent, ms
 * ARGV[8] channel of replaced connections
 * ARGV[9] key prefix of the times of vehicles that were stored while the clock of Redis was behind
 *
 * Reply: array of one letter per record (S stored, R repeat, E the vehicle is elsewhere, F failed) as a string, the
 * text of the first failure or '', and the time of the last appended entry in ms, or that of a vehicle if the clock of
 * Redis is behind it, or ''.
 *
 * Each write runs in a pcall, so that a record that Redis rejects does not affect the others. Nothing may raise an error
 * after a record is stored, because the marks of the stored records are written at the end, one APPEND per vehicle.
 *
 * A record that is newer than all stored records of its vehicle can't be a repeat. Thanks to the stored newest time,
 * hardly any record needs a search in the ring (12 KB to copy and search). A record whose own time lies far in the future
 * is stored with the time of the log; for a day after it, times prove nothing.
 *
 * The clock of Redis can be behind, as on a machine without a battery after a power failure. Then the ids of entries keep
 * the time of the newest one, and vehicles seem to be ahead. Their records are stored with the time of the vehicle and the
 * field clock = behind, from which readers know which time to report (reportedMs in packages/protocol). Once the clock has
 * passed the newest entry it may still be behind: the newest time of each vehicle that was stored that way is kept until
 * the clock has passed it too, so that what a vehicle reports never goes back. With it is kept by how much the vehicle was
 * ahead. If that becomes less, the clock was set, and what remains is a fast clock of the vehicle.
 *
 * While a slot moves to another node, a ring may have moved before the stream. Repeats can't be detected then, and stored
 * records can't be marked: the call ends before this record, with an error on which it is repeated.
 *
 * An abandoned call may still arrive when the network recovers, after its repetition and after newer records; a call
 * that was not abandoned may be late as well. The clocks show whether it is. Where they disagree, every call checks all
 * of its records, most of which are newer than all stored ones.
 */
export const appendRecords = defineScript(
  'append-records',
  `
local records, presence, newestKey = KEYS[1], KEYS[2], KEYS[3]
local seenPrefix, process, checkAll, packed = ARGV[1], ARGV[2], ARGV[3] == '1', ARGV[4]
local unpackTable = unpack
local unpack, pcall, find, sub = struct.unpack, redis.pcall, string.find, string.sub
local codes, count, failure = {}, 0, ''
local number, isCluster, replaced = tonumber(ARGV[5]), ARGV[6] == '1', ARGV[8]
local lowest = tonumber(pcall('GET', KEYS[4]) or 0)
if number < lowest then return {'', 'abandoned'} end
if number > lowest then pcall('SET', KEYS[4], number, 'EX', 86400) end
local clock, lastId, behindMs = redis.call('TIME'), '', 0
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
if math.abs(now - tonumber(ARGV[7])) > ${LATE_MS} then checkAll = true end
local rings, marks, marked = {}, {}, {}
local newest, reached = {}, {}

local function newestOf(vin)
  local time = newest[vin]
  if not time then
    local text = pcall('HGET', newestKey, vin)
    time = type(text) == 'string' and tonumber(text) or 0
    newest[vin] = time
  end
  return time
end

local function holds(ring, hash)
  local at = find(ring, hash, 1, true)
  while at do
    if at % 8 == 1 then return true end
    at = find(ring, hash, at + 1, true)
  end
  return false
end

local function isRepeat(mustSearch, vin, hash, time)
  if not mustSearch and time > newestOf(vin) then return false end
  local ring = rings[vin]
  if not ring then
    ring = pcall('GET', seenPrefix .. vin)
    if type(ring) ~= 'string' then ring = '' end
    rings[vin] = ring
  end
  return holds(ring, hash) or (marks[vin] ~= nil and holds(marks[vin], hash))
end

-- fails for a key that has moved, or that would be created on the target node of a moving slot
local function isRingHere(vin)
  if not reached[vin] then reached[vin] = type(pcall('EXISTS', seenPrefix .. vin)) == 'number' end
  return reached[vin]
end

local newestMs
local function newestIdMs()
  if newestMs then return newestMs end
  newestMs = 0
  local info = pcall('XINFO', 'STREAM', records)
  for at = 1, #info, 2 do
    if info[at] == 'last-generated-id' then newestMs = tonumber(string.match(info[at + 1], '^%d+')) end
  end
  return newestMs
end

-- the time to store for a record that is later than this clock, whether with clock = behind, and whether it isn't its own
local function timeAhead(vin, time)
  local key = ARGV[9] .. vin
  local value = pcall('GET', key)
  local known, skew = string.match(type(value) == 'string' and value or '', '^(%d+) (%d+)$')
  known, skew = tonumber(known or 0), tonumber(skew or 0)
  local logMs = math.max(now, newestIdMs())
  local isIdAhead = newestIdMs() - now > ${CLOCK_BEHIND_MS}
  if not isIdAhead and known <= now then
    if time > now + ${CLOCK_AHEAD_MS} then return logMs, false, true end
    return time, false, false
  end
  if time <= known then return time, true, false end
  local isCorrected = not isIdAhead and time - now < skew - ${CLOCK_BEHIND_MS}
  if isCorrected or time > logMs + ${MAX_TRUSTED_AHEAD_MS} then
    return math.max(known, logMs), known > logMs, true
  end
  if time > behindMs then behindMs = time end
  pcall('SET', key, string.format('%.0f %.0f', time, time - now), 'PX', ${VEHICLE_TIME_EXPIRY_MS})
  return time, true, false
end

local function add(isBehind, vin, topic, txid, created, received, version, payload)
  local id
  if isBehind then
    id = pcall('XADD', records, '*', 'vin', vin, 'topic', topic, 'txid', txid, 'created', created,
      'received', received, 'version', version, 'payload', payload, 'clock', 'behind')
  else
    id = pcall('XADD', records, '*', 'vin', vin, 'topic', topic, 'txid', txid, 'created', created,
      'received', received, 'version', version, 'payload', payload)
  end
  if type(id) == 'string' then
    lastId = id
    return true
  end
  if failure == '' then failure = id.err end
  return false
end

local function connectionOf(vin)
  local value = pcall('HGET', presence, vin)
  if type(value) ~= 'string' then return nil end
  return sub(value, 1, (find(value, ' ', 1, true) or 0) - 1)
end

local at, size = 1, #packed
while at <= size do
  local kind, hash, vin, topic, txid, created, received, version, interface, payload
  kind, hash, vin, topic, txid, created, received, version, interface, payload, at =
    unpack('<Bc8Bc0Bc0Hc0Bc0Bc0Bc0Bc0Ic0', packed, at)
  local code, time, isBehind, isAhead = 'F', tonumber(created), false, false
  if isCluster and not isRingHere(vin) then
    failure = 'TRYAGAIN the ring of seen records is on another node'
    break
  end
  if time > now + ${AHEAD_LOOKUP_MS} then
    time, isBehind, isAhead = timeAhead(vin, time)
    if isAhead then created = string.format('%.0f', time) end
  end
  if (kind == 1 or kind == 5 or checkAll) and isRepeat(kind == 1 or isAhead, vin, hash, time) then
    code = 'R'
  elseif kind >= 2 and kind <= 4 then
    local connection = connectionOf(vin)
    local isOurs = connection == txid
    if kind == 3 then
      if not isOurs then
        code = 'R'
      elseif add(isBehind, vin, topic, txid, created, received, version, payload) then
        code = 'S'
        pcall('HDEL', presence, vin)
      end
    elseif kind == 4 and connection and not isOurs then
      code = 'E'
    elseif isOurs or add(isBehind, vin, topic, txid, created, received, version, payload) then
      code = isOurs and 'R' or 'S'
      pcall('HSET', presence, vin, txid .. ' ' .. process .. ' ' .. received .. ' ' .. interface)
      -- another process may hold the older socket (replaced-connections.ts)
      if connection and not isOurs then pcall('PUBLISH', replaced, vin .. ' ' .. connection) end
    end
  elseif add(isBehind, vin, topic, txid, created, received, version, payload) then
    code = 'S'
  end
  if code == 'S' then
    local mark = marks[vin]
    if mark then
      marks[vin] = mark .. hash
    else
      marks[vin] = hash
      marked[#marked + 1] = vin
    end
    if isAhead then time = time + 86400000 end
    if time > newestOf(vin) then newest[vin] = time end
  end
  count = count + 1
  codes[count] = code
end

local times = {}
for index, vin in ipairs(marked) do
  times[index * 2 - 1], times[index * 2] = vin, string.format('%.0f', newest[vin])
  local key = seenPrefix .. vin
  local length = pcall('APPEND', key, marks[vin])
  if type(length) == 'number' and length > 16384 then
    local last = pcall('GETRANGE', key, -8192, -1)
    if type(last) == 'string' then pcall('SET', key, last) end
  end
end
if #times > 0 then pcall('HSET', newestKey, unpackTable(times)) end
-- as an error reply, so that the client reconnects to the new master; nothing was stored
if sub(failure, 1, 8) == 'READONLY' then return redis.error_reply(failure) end
local lastMs = string.match(lastId, '^%d*')
if behindMs > (tonumber(lastMs) or 0) then lastMs = string.format('%.0f', behindMs) end
return {table.concat(codes), failure, lastMs}
`,
);
