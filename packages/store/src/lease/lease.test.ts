import { type DisposableRedis, startRedis } from '@fleetbridge/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connectRedis, type RedisConnection, whenReady } from '../redis/connection.js';
import { LeaseLost } from '../redis/errors.js';
import { Store } from '../redis/store.js';
import { acquireLease, releaseLease, renewLease } from './lease.js';

let server: DisposableRedis;
let redis: RedisConnection;
let store: Store;

beforeAll(async () => {
  server = await startRedis();
  redis = connectRedis({ url: server.url, name: 'test' });
  store = new Store({ redis, url: server.url, namespace: 'leases', partitions: 1 });
  await whenReady(redis, 5_000);
});

afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

it('is held by one at a time, each time under a higher epoch', async () => {
  const wanted = { partition: 0, name: 'work', leaseMs: 60_000 };
  const first = await acquireLease(store, { ...wanted, owner: 'a' });
  expect(await acquireLease(store, { ...wanted, owner: 'b' })).toBeUndefined();
  await releaseLease(store, first!);
  const second = await acquireLease(store, { ...wanted, owner: 'b' });
  expect(second!.epoch).toBeGreaterThan(first!.epoch);
  await expect(renewLease(store, first!, 60_000)).rejects.toThrow(LeaseLost);
  await renewLease(store, second!, 60_000);
});

it('can be taken and kept while memory is full, so that somebody can trim the log', async () => {
  await redis.config('SET', 'maxmemory', '1');
  try {
    await expect(redis.set('anything', 'x')).rejects.toThrow('OOM');
    const lease = await acquireLease(store, { partition: 0, name: 'trim', owner: 'a', leaseMs: 60_000 });
    expect(lease).toBeDefined();
    await renewLease(store, lease!, 60_000);
  } finally {
    await redis.config('SET', 'maxmemory', '0');
  }
});
