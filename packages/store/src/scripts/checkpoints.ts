// Adds a checkpoint of a vehicle.
import { defineScript } from './script.js';

/**
 * KEYS[1] list  checkpoints, oldest first
 * ARGV[1] the new checkpoint
 * ARGV[2] minimum distance to the last checkpoint, ms; '' = add only when the list is empty
 * ARGV[3] maximum number of checkpoints   ARGV[4] expiry, ms
 *
 * Reply: array of the checkpoints that existed before when ARGV[2] is '', otherwise an empty array.
 */
export const addCheckpoint = defineScript(
  'add-checkpoint',
  `
local last = redis.call('LINDEX', KEYS[1], -1)
local function ms(checkpoint) return tonumber(string.match(checkpoint, '^%d+')) end
local spacing = tonumber(ARGV[2])
if not last or (spacing and ms(ARGV[1]) - ms(last) >= spacing) then
  redis.call('RPUSH', KEYS[1], ARGV[1])
  redis.call('LTRIM', KEYS[1], -ARGV[3], -1)
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
  return {}
end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
if spacing then return {} end
return redis.call('LRANGE', KEYS[1], 0, -1)
`,
);
