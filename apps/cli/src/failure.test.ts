import { FleetApiError } from '@fleetbridge/fleet-api';
import { TeslaAccountError } from '@fleetbridge/tesla-account';
import { expect, it } from 'vitest';
import { UsageError } from './commands/index.js';
import { failureOf } from './failure.js';

const refused = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });

it.each([
  [
    new FleetApiError({ problem: 'login_required', endpoint: 'token_refresh', delivery: 'answered', status: 401 }),
    1,
    /^fleetbridge config: token_refresh: The refresh token .* 401\n {2}→ Sign in to Tesla again/,
    { problem: 'login_required', remedy: expect.stringContaining('Sign in') },
  ],
  [
    new FleetApiError({ problem: 'not_reachable', endpoint: 'region', delivery: 'not_sent', cause: refused }),
    1,
    /Reason: ECONNREFUSED\.\n {2}→ Check DNS/,
    { problem: 'not_reachable', remedy: expect.stringContaining('DNS') },
  ],
  [
    new FleetApiError({
      ...{ problem: 'rate_limited', endpoint: 'vehicles', delivery: 'answered', status: 429 },
      retryAfterSeconds: 90,
    }),
    1,
    /429 Tesla asks to wait for 90 s\.\n/,
    { problem: 'rate_limited' },
  ],
  [
    new TeslaAccountError('ca_file_not_readable', { file: '/nix' }),
    1,
    /^fleetbridge config: \/nix: .*\n {2}→ Correct the path/,
    { problem: 'ca_file_not_readable' },
  ],
  [new UsageError('wrong'), 2, /^fleetbridge config: wrong\nSee "fleetbridge config --help"\.$/, { text: 'wrong' }],
  [
    new Error("Stream isn't writeable and enableOfflineQueue options is false"),
    1,
    /^fleetbridge config: Redis does not answer any more\n {2}→ Start fleetbridge again/,
    { problem: 'redis_not_reachable' },
  ],
  [new Error('Connection is closed.'), 1, /Redis does not answer any more/, { problem: 'redis_not_reachable' }],
  [new Error('away'), 1, /^fleetbridge config: away$/, { problem: 'command_failed', text: 'away' }],
])('names what to do: %s', (error, code, text, json) => {
  const failure = failureOf('config', error);
  expect(failure).toMatchObject({ code, json: { result: 'failed', ...json } });
  expect(failure.text).toMatch(text);
});
