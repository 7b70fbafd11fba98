// The vehicle commands of the build against a real Redis.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { AdmissionStore, connectRedis, type RedisConnection, whenReady } from '@fleetbridge/store';
import { type DisposableRedis, startRedis } from '@fleetbridge/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
let redisServer: DisposableRedis;
let redis: RedisConnection;

beforeAll(async () => {
  redisServer = await startRedis();
  redis = connectRedis({ url: redisServer.url, name: 'test' });
  await whenReady(redis, 5_000);
});
afterAll(async () => {
  redis.disconnect();
  await redisServer.stop();
});

function vehicle(...args: string[]) {
  const { PATH } = process.env;
  const env = { PATH, REDIS_URL: redisServer.url };
  return spawnSync(process.execPath, [main, 'vehicle', ...args], { env, encoding: 'utf8' });
}

it('vehicles are allowed and denied, several at once, and listed; the newest word counts', async () => {
  expect(vehicle('list').stdout).toMatch(/^nothing allowed or denied here/);
  expect(vehicle('allow', 'vin-1', 'VIN-2')).toMatchObject({ status: 0, stdout: 'allowed VIN-1\nallowed VIN-2\n' });
  expect(vehicle('deny', 'VIN-1')).toMatchObject({ status: 0, stdout: 'denied VIN-1\n' });
  expect(vehicle('list').stdout).toMatch(/^VIN-1 +deny\nVIN-2 +allow\n$/);
  const { verdicts } = await new AdmissionStore({ redis, namespace: 'telemetry' }).read();
  expect([...verdicts]).toEqual([
    ['VIN-1', 'deny'],
    ['VIN-2', 'allow'],
  ]);
});

it.each([
  [['allow'], 'allow: expected a VIN'],
  [['deny', 'a vin'], 'expected a VIN, got "a vin"'],
  [['list', 'VIN-1'], 'unexpected argument "VIN-1"'],
  [['forget', 'VIN-1'], 'expected: allow <VIN>…, deny <VIN>…, or list'],
])('%j is a mistake with exit code 2', (args, sentence) => {
  const { status, stderr } = vehicle(...args);
  expect(stderr).toContain(sentence);
  expect(status).toBe(2);
});
