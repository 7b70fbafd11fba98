import { type DisposableRedis, startRedis } from '@fleetbridge/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connectRedis, type RedisConnection, whenReady } from '../redis/connection.js';
import { AdmissionStore } from './admission-store.js';

let server: DisposableRedis;
let redis: RedisConnection;

beforeAll(async () => {
  server = await startRedis();
  redis = connectRedis({ url: server.url, name: 'test' });
  await whenReady(redis, 5_000);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

it('keeps the newest verdict on a VIN, in capitals, and changes its version with each change', async () => {
  const store = new AdmissionStore({ redis, namespace: 'one' });
  expect(await store.read()).toEqual({ version: '', verdicts: new Map() });
  expect(await store.version()).toBe('');

  await store.set(['vin-b', 'VIN-A'], 'allow');
  const first = await store.version();
  expect(first).not.toBe('');
  await store.set(['VIN-B'], 'deny');
  const { version, verdicts } = await store.read();
  expect(version).not.toBe(first);
  expect(version).toBe(await store.version());
  expect([...verdicts]).toEqual([
    ['VIN-A', 'allow'],
    ['VIN-B', 'deny'],
  ]);
});

it('is one for each namespace', async () => {
  await new AdmissionStore({ redis, namespace: 'mine' }).set(['A'], 'allow');
  expect((await new AdmissionStore({ redis, namespace: 'yours' }).read()).verdicts.size).toBe(0);
});
