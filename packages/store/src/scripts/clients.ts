// Clients that sign in with a refresh token, and the access tokens that are minted for them.
import { defineScript } from './script.js';

/**
 * KEYS[1] hash  clients
 * ARGV[1] SHA-256 of the refresh token   ARGV[2] SHA-256 of the new access token   ARGV[3] now, ms
 * ARGV[4] lifetime of an access token, ms   ARGV[5] how many of them a client can have
 *
 * Reply: string, the client as JSON; nil when no client has this refresh token. Beyond the limit the oldest access token
 * becomes invalid.
 */
export const mintAccessToken = defineScript(
  'mint-access-token',
  `
local id = redis.call('HGET', KEYS[1], 'refresh:' .. ARGV[1])
local client = id and redis.call('HGET', KEYS[1], 'client:' .. id)
if not client then return nil end
local now, expires = tonumber(ARGV[3]), string.format('%.0f', tonumber(ARGV[3]) + tonumber(ARGV[4]))
local kept, hashes = {}, {}
for hash, untilMs in string.gmatch(redis.call('HGET', KEYS[1], 'minted:' .. id) or '', '(%x+) (%d+)') do
  if tonumber(untilMs) > now then kept[#kept + 1] = hash .. ' ' .. untilMs
  else redis.call('HDEL', KEYS[1], 'access:' .. hash) end
end
while #kept >= tonumber(ARGV[5]) do
  redis.call('HDEL', KEYS[1], 'access:' .. string.match(table.remove(kept, 1), '^%x+'))
end
kept[#kept + 1] = ARGV[2] .. ' ' .. expires
redis.call('HSET', KEYS[1], 'minted:' .. id, table.concat(kept, ','), 'access:' .. ARGV[2], expires .. ' ' .. client)
return client
`,
);

/**
 * KEYS[1] hash  clients
 * ARGV[1] id of the client   ARGV[2] SHA-256 of its refresh token
 *
 * Reply: integer, 1 when the client existed. Its access tokens become invalid at once.
 */
export const removeClient = defineScript(
  'remove-client',
  `
for hash in string.gmatch(redis.call('HGET', KEYS[1], 'minted:' .. ARGV[1]) or '', '(%x+) %d+') do
  redis.call('HDEL', KEYS[1], 'access:' .. hash)
end
local seen = 'seen:' .. ARGV[1] .. ':'
redis.call('HDEL', KEYS[1], 'minted:' .. ARGV[1], 'refresh:' .. ARGV[2], seen .. 'sign_in', seen .. 'poll', seen .. 'stream')
return redis.call('HDEL', KEYS[1], 'client:' .. ARGV[1])
`,
);
