// The test function for files that need a Redis (requires vitest): one redis-server and one connection per file; per test
// a namespace of its own and a list of functions that clean up.
import { type DisposableRedis, startRedis } from '@fleetbridge/testing';
import { test } from 'vitest';
import { connectRedis, type RedisConnection, Store, whenReady } from '../redis/index.js';

export interface RedisTestContext {
  /** A real redis-server with an append-only file; the same for all tests of the file. */
  redisServer: DisposableRedis;
  /** A ready connection to it; the same for all tests of the file. */
  redis: RedisConnection;
  /** A prefix of keys that no other test uses. */
  namespace: string;
  /** The namespace with one partition. */
  store: Store;
  /** Functions that are pushed during the test are called after it, in reverse order. */
  cleanup: (() => unknown)[];
}

let namespaces = 0;

export const it = test.extend<RedisTestContext>({
  redisServer: [
    async ({}, use) => {
      const server = await startRedis();
      await use(server);
      await server.stop();
    },
    { scope: 'file' },
  ],
  redis: [
    async ({ redisServer }, use) => {
      const redis = connectRedis({ url: redisServer.url, name: 'test' });
      await whenReady(redis, 5_000);
      await use(redis);
      redis.disconnect();
    },
    { scope: 'file' },
  ],
  namespace: async ({}, use) => {
    await use(`test-${process.pid}-${namespaces++}`);
  },
  store: async ({ redis, redisServer, namespace }, use) => {
    await use(new Store({ redis, url: redisServer.url, namespace, partitions: 1 }));
  },
  cleanup: async ({}, use) => {
    const undo: (() => unknown)[] = [];
    await use(undo);
    for (const close of undo.reverse()) await close();
  },
});
