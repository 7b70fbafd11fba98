// Writes and clears the snapshots of a partition.
import { defineScript } from './script.js';

/**
 * KEYS[1] string  lease
 * KEYS[2] string  cursor of the snapshots
 * KEYS[3] set     VINs with a snapshot
 * KEYS[4] string  cursor of the counted signals
 * ARGV[1] value of the lease   ARGV[2] new cursor   ARGV[3] key prefix of the snapshots
 * ARGV[4] expected cursor of the counted signals ('' = no cursor, - = nothing to count)   ARGV[5] key prefix of the counts
 * ARGV[6] first day to keep   ARGV[7] how long to keep the counts of a vehicle that sends nothing, ms
 * ARGV[8] number of counts, then per count: VIN, day, signals
 * then per vehicle: VIN, number of arguments that follow for it, then field, value, …
 *
 * Reply: integer, 1 when written; 0 when the lease is not held, the cursor would not advance, or the signals were counted
 * by a call whose reply was lost.
 */
export const commitSnapshot = defineScript(
  'commit-snapshot',
  `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local function split(id)
  local ms, sequence = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(sequence)
end
local counted = redis.call('GET', KEYS[4]) or ''
local counts = ARGV[4] ~= '-'
if counts and counted ~= ARGV[4] then return 0 end
local old = redis.call('GET', KEYS[2])
if old then
  local oldMs, oldSequence = split(old)
  local newMs, newSequence = split(ARGV[2])
  if newMs < oldMs or (newMs == oldMs and newSequence <= oldSequence) then return 0 end
end
local at = 9
for _ = 1, tonumber(ARGV[8]) do
  local key, day, signals = ARGV[5] .. ARGV[at], ARGV[at + 1], ARGV[at + 2]
  if redis.call('HINCRBY', key, day, signals) == tonumber(signals) then
    for _, kept in ipairs(redis.call('HKEYS', key)) do
      if kept < ARGV[6] then redis.call('HDEL', key, kept) end
    end
    redis.call('PEXPIRE', key, ARGV[7])
  end
  at = at + 3
end
local newMs, newSequence = split(ARGV[2])
local countedMs, countedSequence = split(counted)
if counts and (not countedMs or newMs > countedMs or (newMs == countedMs and newSequence > countedSequence)) then
  redis.call('SET', KEYS[4], ARGV[2])
end
while at <= #ARGV do
  local vin, count = ARGV[at], tonumber(ARGV[at + 1])
  redis.call('SADD', KEYS[3], vin)
  local first = at + 2
  while first < at + 2 + count do
    -- unpack puts its values on the stack of Lua, which holds a few thousand
    local last = math.min(first + 999, at + 1 + count)
    redis.call('HSET', ARGV[3] .. vin, unpack(ARGV, first, last))
    first = last + 1
  end
  at = at + 2 + count
end
redis.call('SET', KEYS[2], ARGV[2])
return 1
`,
);

/**
 * KEYS[1] string  lease
 * KEYS[2] string  cursor of the snapshots
 * KEYS[3] set     VINs with a snapshot
 * ARGV[1] key prefix of the snapshots
 *
 * Reply: integer, the number of keys deleted besides the snapshots.
 */
export const clearSnapshots = defineScript(
  'clear-snapshots',
  `
for _, vin in ipairs(redis.call('SMEMBERS', KEYS[3])) do redis.call('DEL', ARGV[1] .. vin) end
return redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
`,
);
