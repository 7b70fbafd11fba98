// `fleetbridge vehicle` of the build against a real Redis.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { AdmissionStore } from '@fleetbridge/store';
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
])('rejects %j with exit code 2', (args, sentence) => {
  const { status, stderr } = runVehicle('redis://127.0.0.1:1', args);
  expect(stderr).toContain(sentence);
  expect(status).toBe(2);
});
