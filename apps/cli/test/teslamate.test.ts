// `fleetbridge teslamate`, `seed` and `coverage` of the build against a real Redis.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ClientStore, TokenStore } from '@fleetbridge/store';
import { it } from '@fleetbridge/store/testing';
import { expect } from 'vitest';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const VIN = '5YJ3E1EA7KF000001';

it('creates a client with everything to paste, and checks what TeslaMate has done since', async ({
  redis,
  redisServer,
}) => {
  const place = { redis, namespace: 'telemetry' };
  const clients = new ClientStore(place);
  const run = (...args: string[]) => fleetbridge(redisServer.url, ['teslamate', ...args]);
  const { status, stdout } = run('create', '--gateway', 'https://g.example/', '--streaming', 'wss://s.example:8443');
  expect(status).toBe(0);
  for (const line of [
    'TESLA_API_HOST=https://g.example',
    'TESLA_AUTH_HOST=https://g.example',
    'TESLA_AUTH_PATH=/oauth2/v3',
    'TESLA_WSS_HOST=wss://s.example:8443',
    'TESLA_WSS_USE_VIN=true',
  ]) {
    expect(stdout).toContain(`   ${line}\n`);
  }
  const access = /access token +(qts-\S+)/.exec(stdout)?.[1] ?? '';
  const refresh = /refresh token +(qts-\S+)/.exec(stdout)?.[1] ?? '';
  const id = /^Client (\w+) /.exec(stdout)?.[1] ?? '';
  expect(await new TokenStore(place).grantOf(access)).toMatchObject({ id, vin: '*', label: 'TeslaMate' });
  expect((await clients.mint(refresh, Date.now()))?.grant.id).toBe(id);

  expect(run('check')).toMatchObject({ status: 1, stdout: expect.stringMatching(/(missing .*\n){3}/) });
  for (const use of ['sign_in', 'poll', 'stream'] as const) await clients.seen(id, use, Date.now());
  expect(run('check', id)).toMatchObject({ status: 0, stdout: expect.stringMatching(/(ok .*\n){3}/) });
  await clients.seen(id, 'stream', Date.now() - 3_600_000);
  expect(run('check').stdout).toMatch(/missing .*TESLA_WSS_HOST.*last /);
  expect(run('check', 'unknown').status).toBe(1);
  const ports = { GATEWAY_PORT: '9080', STREAMING_PORT: '9443' };
  const elsewhere = fleetbridge(redisServer.url, ['teslamate', 'create'], '', ports).stdout;
  expect(elsewhere).toContain('TESLA_API_HOST=http://localhost:9080\n');
  expect(elsewhere).toContain('TESLA_WSS_HOST=wss://localhost:9443\n');

  const commanding = /access token +(qts-\S+)/.exec(run('create', '--commands', 'wake_up,door_lock').stdout)?.[1] ?? '';
  expect(await new TokenStore(place).grantOf(commanding)).toMatchObject({
    scopes: ['stream', 'read', 'command'],
    commands: ['wake_up', 'door_lock'],
  });
});

it('rejects a document that is not JSON', () => {
  const { status, stderr } = fleetbridge('redis://127.0.0.1:1', ['seed', 'set', main]);
  expect([status, stderr]).toEqual([2, expect.stringContaining('not valid JSON')]);
});

it('stores a seed, which coverage shows', async ({ redis, redisServer }) => {
  const document = JSON.stringify({ response: { vin: VIN, vehicle_config: { plg: true } } });
  expect(fleetbridge(redisServer.url, ['seed', 'set', '-'], document)).toMatchObject({ status: 0 });
  expect(await redis.get(`telemetry:{0}:seed:${VIN}`)).toBe(document);
  const { stdout } = fleetbridge(redisServer.url, ['coverage', VIN.toLowerCase()]);
  expect(stdout).toMatch(/^vehicle_config\.plg +seed /m);
  expect(stdout).toMatch(/^vehicle_state\.car_version +missing +- +Version; TeslaMate loses: software updates$/m);
  const missing = JSON.parse(fleetbridge(redisServer.url, ['coverage', VIN, '--missing', '--json']).stdout);
  expect(missing.fields.every(({ origin }: { origin: string }) => origin === 'missing')).toBe(true);
  expect(fleetbridge(redisServer.url, ['seed', 'remove', VIN]).status).toBe(0);
  expect(fleetbridge(redisServer.url, ['seed', 'remove', VIN]).status).toBe(1);
});

function fleetbridge(redisUrl: string, args: string[], input = '', more: Record<string, string> = {}) {
  const { PATH } = process.env;
  const env = { PATH, REDIS_URL: redisUrl, ...more };
  return spawnSync(process.execPath, [main, ...args], { env, encoding: 'utf8', input });
}
