// Appends the records of one turn, in their order, and says of each what became of it.
import { defineScript } from './script.js';

/**
 * KEYS[1] stream  records        KEYS[2] hash  presence
 * ARGV[1] prefix of the seen rings   ARGV[2] id of the sending process
 * ARGV[3] `1`: this call is repeated, look for every record in the rings
 * ARGV[4] the records, packed by record-packing.ts
 *
 * Replies with one letter a record (S stored, R repeat, E the vehicle is elsewhere, F failed) and the text of the first
 * failure or ''.
 * Each write is tried on its own, so that one record that Redis refuses harms no other. Nothing here may raise an
 * error once a record is stored: the marks of what was stored are written at the end, one APPEND a vehicle.
 */
export const appendRecords = defineScript(
  'append-records',
  `
local records, presence = KEYS[1], KEYS[2]
local seenPrefix, process, checkAll, packed = ARGV[1], ARGV[2], ARGV[3] == '1', ARGV[4]
local unpack, pcall, find, sub = struct.unpack, redis.pcall, string.find, string.sub
local codes, count, failure = {}, 0, ''
local rings, marks, marked = {}, {}, {}

local function holds(ring, hash)
  local at = find(ring, hash, 1, true)
  while at do
    if at % 8 == 1 then return true end
    at = find(ring, hash, at + 1, true)
  end
  return false
end

local function isRepeat(vin, hash)
  local ring = rings[vin]
  if not ring then
    ring = pcall('GET', seenPrefix .. vin)
    if type(ring) ~= 'string' then ring = '' end
    rings[vin] = ring
  end
  return holds(ring, hash) or (marks[vin] ~= nil and holds(marks[vin], hash))
end

local function add(vin, topic, txid, created, received, version, payload)
  local id = pcall('XADD', records, '*', 'vin', vin, 'topic', topic, 'txid', txid, 'created', created,
    'received', received, 'version', version, 'payload', payload)
  if type(id) == 'string' then return true end
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
  local code = 'F'
  if (kind == 1 or checkAll) and isRepeat(vin, hash) then
    code = 'R'
  elseif kind >= 2 then
    local connection = connectionOf(vin)
    local isOurs = connection == txid
    if kind == 3 then
      if not isOurs then
        code = 'R'
      elseif add(vin, topic, txid, created, received, version, payload) then
        code = 'S'
        pcall('HDEL', presence, vin)
      end
    elseif kind == 4 and connection and not isOurs then
      code = 'E'
    elseif isOurs or add(vin, topic, txid, created, received, version, payload) then
      code = isOurs and 'R' or 'S'
      pcall('HSET', presence, vin, txid .. ' ' .. process .. ' ' .. received .. ' ' .. interface)
    end
  elseif add(vin, topic, txid, created, received, version, payload) then
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
  end
  count = count + 1
  codes[count] = code
end

for _, vin in ipairs(marked) do
  local key = seenPrefix .. vin
  local length = pcall('APPEND', key, marks[vin])
  if type(length) == 'number' and length > 16384 then
    local newest = pcall('GETRANGE', key, -8192, -1)
    if type(newest) == 'string' then pcall('SET', key, newest) end
  end
end
return {table.concat(codes), failure}
`,
);
