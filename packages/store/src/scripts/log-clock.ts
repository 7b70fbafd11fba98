// Reads the clock by which a log is trimmed, together with what shows that it is wrong.
import { defineScript } from './script.js';

/**
 * KEYS[1] stream  records
 * KEYS[2] string  time of the last trusted pass of retention
 *
 * Reply: array of the clock of Redis (ms), the time of the newest entry id ('0' = no entry was ever appended), and the
 * time of the last trusted pass ('' = no pass yet).
 */
export const readLogClock = defineScript(
  'read-log-clock',
  `
local newest = '0'
local info = redis.pcall('XINFO', 'STREAM', KEYS[1])
for at = 1, #info, 2 do
  if info[at] == 'last-generated-id' then newest = string.match(info[at + 1], '^%d+') end
end
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
return {now, newest, redis.call('GET', KEYS[2]) or ''}
`,
);
