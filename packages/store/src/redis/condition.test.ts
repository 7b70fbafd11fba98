import { startRedis } from '@fleetbridge/testing';
import { expect } from 'vitest';
import { it } from '../testing/index.js';
import { redisCondition } from './condition.js';
import { connectRedis, whenReady } from './connection.js';
import { Store } from './store.js';

it.for([
  ['allkeys-lru', '4mb', { policy: 'allkeys-lru', deletesRecords: true }],
  ['allkeys-random', '4mb', { policy: 'allkeys-random', deletesRecords: true }],
  ['volatile-ttl', '4mb', { policy: 'volatile-ttl', deletesRecords: false }],
  ['allkeys-lfu', '0', { policy: 'allkeys-lfu', deletesRecords: false }],
  ['noeviction', '4mb', undefined],
] as const)('with maxmemory-policy %s and maxmemory %s', async ([policy, limit, eviction], { redis, store }) => {
  await redis.config('SET', 'maxmemory-policy', policy);
  await redis.config('SET', 'maxmemory', limit);
  try {
    expect((await redisCondition(new Store(store))).eviction).toEqual(eviction);
  } finally {
    await redis.config('SET', 'maxmemory', '0');
    await redis.config('SET', 'maxmemory-policy', 'noeviction');
  }
});

it('has the rejection of a replica, of a user without rights to write, and of a master without its replicas', async ({
  redis,
  redisServer,
  store,
}) => {
  expect(await redisCondition(new Store(store))).toEqual({});
  await redis.config('SET', 'min-replicas-to-write', '1');
  expect((await redisCondition(new Store(store))).rejection).toMatch(/^NOREPLICAS/);
  await redis.config('SET', 'min-replicas-to-write', '0');

  await redis.call('ACL', 'SETUSER', 'reader', 'on', 'nopass', '~*', '&*', '+@all', '-@write');
  const reader = connectRedis({ url: redisServer.url.replace('//', '//reader:x@'), name: 'test' });
  await whenReady(reader, 5_000);
  expect((await redisCondition(new Store({ ...store, redis: reader }))).rejection).toMatch(/^NOPERM/);
  reader.disconnect();

  const { hostname, port } = new URL(redisServer.url);
  const replicaServer = await startRedis(['--replicaof', `${hostname} ${port}`]);
  const replica = connectRedis({ url: replicaServer.url, name: 'test' });
  await whenReady(replica, 5_000);
  expect((await redisCondition(new Store({ ...store, redis: replica }))).rejection).toMatch(/^READONLY/);
  replica.disconnect();
  await replicaServer.stop();
});
