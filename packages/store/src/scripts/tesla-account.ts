// The encrypted tokens of the Tesla account. They are also stored when memory is full: Tesla accepts the refresh token that
// was used before for a day only. (Script flags need Redis 7.)
import { defineScript } from './script.js';

/**
 * KEYS[1] hash  Tesla account
 * ARGV[1] version that was read, 0 without an account   ARGV[2] new tokens, encrypted; empty: delete them
 *
 * Reply: integer, 1 when written, 0 when another process has written since.
 */
export const replaceTeslaTokens = defineScript(
  'replace-tesla-tokens',
  `#!lua flags=allow-oom
if (redis.call('HGET', KEYS[1], 'version') or '0') ~= ARGV[1] then return 0 end
redis.call('HINCRBY', KEYS[1], 'version', 1)
if ARGV[2] == '' then redis.call('HDEL', KEYS[1], 'tokens') else redis.call('HSET', KEYS[1], 'tokens', ARGV[2]) end
return 1
`,
);
