// The test function for files that need a Redis Cluster: one cluster and one connection per file, a namespace per test.
// After each test all nodes are started again, and the next test waits until the cluster is complete.
import { type RedisCluster, type RedisClusterOptions, startRedisCluster } from '@fleetbridge/testing';
import { test } from 'vitest';
import { connectRedis, type RedisConnection, whenReady } from '../src/redis/connection.js';
import { Store } from '../src/redis/store.js';
import { type OpenedAppender, type OpenOptions, openAppender } from './appender-test.js';

export interface ClusterTestContext {
  /** The same for all tests of the file. */
  cluster: RedisCluster;
  /** A ready connection to it; the same for all tests of the file. */
  redis: RedisConnection;
  /** Functions that are pushed during the test are called after it, in reverse order. */
  cleanup: (() => unknown)[];
  /** Opens an appender. All appenders of a test share its namespace. */
  open: (options?: OpenOptions) => OpenedAppender;
}

let namespaces = 0;

export function clusterTest({ partitions, ...options }: RedisClusterOptions & { partitions: number }) {
  return test.extend<ClusterTestContext>({
    cluster: [
      async ({}, use) => {
        const cluster = await startRedisCluster(options);
        await use(cluster);
        await cluster.stop();
      },
      { scope: 'file' },
    ],
    redis: [
      async ({ cluster }, use) => {
        const redis = connectRedis({ url: cluster.url, name: 'test' });
        await whenReady(redis, 5_000);
        await use(redis);
        redis.disconnect();
      },
      { scope: 'file' },
    ],
    cleanup: async ({ cluster }, use) => {
      const undo: (() => unknown)[] = [];
      await use(undo);
      for (const close of undo.reverse()) await close();
      await Promise.all(cluster.nodes.map((node) => node.start()));
      await cluster.whenWhole();
    },
    open: async ({ cluster, redis, cleanup }, use) => {
      const store = new Store({ redis, url: cluster.url, namespace: `cluster-${namespaces++}`, partitions });
      await use((opened) => openAppender(store, cleanup, opened));
    },
  });
}
