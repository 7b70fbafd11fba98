import { type DisposableRedis, startRedis } from '@fleetbridge/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connectRedis, type RedisConnection, whenReady } from '../redis/connection.js';
import { LeaseLost } from '../redis/errors.js';
import { partitionKeys } from '../redis/keys.js';
import { releaseLease, renewLease, takeLease } from './lease.js';

const keys = partitionKeys('leases', 0);
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

it('is held by one at a time, each time under a higher epoch', async () => {
  const wanted = { name: 'work', leaseMs: 60_000 };
  const first = await takeLease(redis, keys, { ...wanted, owner: 'a' });
  expect(await takeLease(redis, keys, { ...wanted, owner: 'b' })).toBeUndefined();
  await releaseLease(redis, keys, first!);
  const second = await takeLease(redis, keys, { ...wanted, owner: 'b' });
  expect(second!.epoch).toBeGreaterThan(first!.epoch);
  await expect(renewLease(redis, keys, first!, 60_000)).rejects.toThrow(LeaseLost);
  await renewLease(redis, keys, second!, 60_000);
});

it('can be taken and kept while memory is full, so that somebody can trim the log', async () => {
  await redis.config('SET', 'maxmemory', '1');
  try {
    await expect(redis.set('anything', 'x')).rejects.toThrow('OOM');
    const lease = await takeLease(redis, keys, { name: 'trim', owner: 'a', leaseMs: 60_000 });
    expect(lease).toBeDefined();
    await renewLease(redis, keys, lease!, 60_000);
  } finally {
    await redis.config('SET', 'maxmemory', '0');
  }
});
