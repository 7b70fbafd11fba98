// `fleetbridge vehicle` of the build against a real Redis.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { AdmissionStore, Store, storeLimitedVehicle } from '@fleetbridge/store';
import { it } from '@fleetbridge/store/testing';
import { expect } from 'vitest';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));

function runVehicle(redisUrl: string, args: string[]) {
  const { PATH } = process.env;
  const env = { PATH, REDIS_URL: redisUrl };
  return spawnSync(process.execPath, [main, 'vehicle', ...args], { env, encoding: 'utf8' });
}

it('allows, denies and lists vehicles; the latest entry for a VIN wins', async ({ redisServer, redis }) => {
  const vehicle = (...args: string[]) => runVehicle(redisServer.url, args);
  expect(vehicle('list').stdout).toMatch(/^no vehicles allowed or denied with this command/);
  expect(vehicle('allow', '--any', 'vin-1', 'VIN-2')).toMatchObject({
    status: 0,
    stdout: 'allowed VIN-1\nallowed VIN-2\n',
  });
  expect(vehicle('deny', '--any', 'VIN-1')).toMatchObject({ status: 0, stdout: 'denied VIN-1\n' });
  expect(vehicle('list').stdout).toMatch(/^VIN +VERDICT\nVIN-1 +deny\nVIN-2 +allow\n$/);
  const { verdicts } = await new AdmissionStore({ redis, namespace: 'telemetry' }).read();
  expect([...verdicts]).toEqual([
    ['VIN-1', 'deny'],
    ['VIN-2', 'allow'],
  ]);
  expect(
    vehicle('list', '--json')
      .stdout.split('\n')
      .slice(0, 2)
      .map((line) => JSON.parse(line)),
  ).toEqual([
    { vin: 'VIN-1', verdict: 'deny' },
    { vin: 'VIN-2', verdict: 'allow' },
  ]);
  expect(vehicle('unset', 'vin-1')).toMatchObject({ status: 0, stdout: 'unset VIN-1 (was deny)\n' });
  expect(vehicle('unset', 'VIN-1')).toMatchObject({ status: 1 });
  expect(vehicle('list').stdout).not.toContain('VIN-1');
});

it('lists the vehicles that are slowed down', async ({ redisServer, redis }) => {
  const vehicle = (...args: string[]) => runVehicle(redisServer.url, ['limited', ...args]);
  expect(vehicle().stdout).toBe('no vehicle was slowed down within a day\n');
  const store = new Store({ redis, url: redisServer.url, namespace: 'telemetry', partitions: 1 });
  await storeLimitedVehicle(store, 'VIN-1');
  expect(vehicle().stdout).toMatch(/^VIN +LAST SLOWED DOWN\nVIN-1 +20\S+Z\n$/);
  expect(JSON.parse(vehicle('--json').stdout)).toEqual({ vin: 'VIN-1', limited: expect.stringMatching(/^20/) });
});
