// Reports the disconnect of a vehicle when its ingest process has died.
import { defineScript } from './script.js';

/**
 * KEYS[1] stream  records
 * KEYS[2] hash    presence
 * KEYS[3] string  exists while the ingest process is alive
 * ARGV[1] VIN   ARGV[2] connection id   ARGV[3] process id   ARGV[4] now, ms   ARGV[5] payload of the record
 *
 * Reply: integer, 1 when the disconnect was appended; 0 when the process is alive or the vehicle has another connection.
 */
export const disconnectDead = defineScript(
  'disconnect-dead',
  `
if redis.call('EXISTS', KEYS[3]) == 1 then return 0 end
local value = redis.call('HGET', KEYS[2], ARGV[1])
local prefix = ARGV[2] .. ' ' .. ARGV[3] .. ' '
if not value or string.sub(value, 1, #prefix) ~= prefix then return 0 end
redis.call('XADD', KEYS[1], '*', 'vin', ARGV[1], 'topic', 'connectivity', 'txid', ARGV[2], 'created', ARGV[4],
  'received', ARGV[4], 'version', '', 'payload', ARGV[5])
redis.call('HDEL', KEYS[2], ARGV[1])
return 1
`,
);
