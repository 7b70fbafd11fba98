// Calls that the gateway forwards to Tesla: counted before they leave, and never more than the limits.
import { defineScript } from './script.js';

/**
 * KEYS[1] hash  day or month → calls
 * ARGV[1] day   ARGV[2] most calls per day   ARGV[3] month   ARGV[4] most calls per month
 * ARGV[5] the oldest day that is kept
 *
 * Reply: 'reserved'; 'day' or 'month' when that limit is reached, and nothing is counted.
 *
 * Days (2026-11-26) and months (2026-11) of UTC sort as texts.
 */
export const reserveCallScript = defineScript(
  'reserve-call',
  `
local day, perDay, month, perMonth, oldest = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]), ARGV[5]
local function count(field) return tonumber(redis.call('HGET', KEYS[1], field) or '0') end
if count(month) >= perMonth then return 'month' end
if count(day) >= perDay then return 'day' end
redis.call('HINCRBY', KEYS[1], month, 1)
if redis.call('HINCRBY', KEYS[1], day, 1) == 1 then
  for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
    if field < oldest and field ~= month then redis.call('HDEL', KEYS[1], field) end
  end
end
return 'reserved'
`,
);
