// `fleetbridge cost` and `fleetbridge config show` of the build against a real Redis.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { countApiCalls, Store, utcDay } from '@fleetbridge/store';
import { it } from '@fleetbridge/store/testing';
import { expect } from 'vitest';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const VIN = '5YJ3E1EA7KF000001';

it('shows counted signals and calls at their prices, and warns before the limit', async ({ redis, redisServer }) => {
  const store = new Store({ redis, url: redisServer.url, namespace: 'telemetry', partitions: 1 });
  const nowMs = Date.now();
  await redis.sadd(store.keys(0).vins, VIN);
  await redis.hset(store.keys(0).signalDaysPrefix + VIN, utcDay(nowMs), 300_000);
  await countApiCalls(store, { kind: 'wakes', nowMs, calls: 50 });
  const env = { PATH: process.env.PATH, REDIS_URL: redisServer.url };
  const run = (...args: string[]) => spawnSync(process.execPath, [main, 'cost', ...args], { env, encoding: 'utf8' });
  const { stdout, status } = run();
  expect(status).toBe(0);
  expect(stdout).toMatch(new RegExp(`^${VIN} +300,000 +2\\.00 `, 'm'));
  expect(stdout).toMatch(/^wakes +50 +1\.00 /m);
  expect(stdout).toMatch(/^so far: +US\$3\.00$/m);
  expect(stdout).not.toContain('limit');
  expect(run('--limit', '3').stdout).toContain('The limit of US$3.00 is reached');
  const { dollars, warning } = JSON.parse(run('--json', '--limit', '3.5').stdout);
  expect(dollars).toMatchObject({ soFar: 3, credit: 10 });
  expect(dollars.ceiling).toBeGreaterThan(dollars.floor);
  expect(warning).toContain('More than 80 %');
  expect(run('--limit', 'much').status).toBe(2);
});

it('shows the fields of a profile with reason and cost, for a firmware', () => {
  const run = (...args: string[]) => spawnSync(process.execPath, [main, 'config', ...args], { encoding: 'utf8' });
  const { stdout } = run('show');
  expect(stdout).toMatch(/^Location +1 s .*carries VehicleSpeed, Gear/m);
  expect(stdout).toMatch(/^signals per hour awake: [\d,]+ when nothing changes, at most [\d,]+$/m);
  expect(run('show', 'economy', '--firmware', '2024.38').stdout).toContain('left out: Gear resend_interval_seconds');
  const { fields, deliveryPolicy } = JSON.parse(run('show', 'home-assistant', '--json').stdout);
  expect([fields.Odometer.interval_seconds, deliveryPolicy]).toEqual([300, 'latest']);
  expect(run('show', 'cheap').stderr).toContain('expected: teslamate, economy, home-assistant');
  expect(run('show', 'economy', '--firmware', 'new').status).toBe(2);
});
