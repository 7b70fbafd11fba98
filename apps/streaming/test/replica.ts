// A streaming server on a real log, in this process, and a way to its port that can be cut, frozen and led elsewhere.
import { connect, createServer, type Socket } from 'node:net';
import { Access } from '@fleetbridge/access';
import { createLogger } from '@fleetbridge/service';
import { connectRedis, SnapshotStore, Store, TokenStore, whenReady } from '@fleetbridge/store';
import { Feeds, type FeedsOptions } from '../src/frames/feeds.js';
import { createCounts } from '../src/metrics.js';
import type { Pace } from '../src/owner/pace.js';
import { startStreamingServer } from '../src/server.js';

export const TOKEN = 'bridge-token';

export interface ReplicaOptions {
  url: string;
  namespace: string;
  pace?: Partial<Pace>;
  slotTimes?: FeedsOptions['slotTimes'];
  resumeWindowMs?: number;
}

export type Replica = Awaited<ReturnType<typeof startReplica>>;

export async function startReplica({ url, namespace, pace, slotTimes, resumeWindowMs = 900_000 }: ReplicaOptions) {
  const log = createLogger({ name: 'test', level: process.env.TEST_LOG === undefined ? 'silent' : 'debug' });
  const redis = connectRedis({ url, name: 'replica' });
  await whenReady(redis, 5_000);
  const store = new Store({ redis, url, namespace, partitions: 1 });
  const counts = createCounts();
  const feeds = new Feeds({
    store,
    snapshots: new SnapshotStore(store),
    resumeWindowMs,
    slotTimes: slotTimes ?? {},
    counts,
    log,
    now: Date.now,
    onReadable: () => {},
  });
  await feeds.start();
  const tokens = new TokenStore(store);
  const access = new Access({ isRequired: true, bridgeToken: TOKEN, tokens });
  const server = await startStreamingServer({
    host: '127.0.0.1',
    port: 0,
    certificate: undefined,
    access,
    feeds,
    counts,
    log,
    now: Date.now,
    pace: { quietMs: 5, ...pace },
  });
  let isStopped = false;
  return {
    port: server.port,
    url: `ws://127.0.0.1:${server.port}`,
    counts,
    feeds,
    tokens,
    access,
    stop: async () => {
      if (isStopped) return;
      isStopped = true;
      await server.stop();
      await feeds.stop();
      redis.disconnect();
    },
  };
}

/** A TCP balancer in small: connections go round the ports. */
export async function startWay(ports: number[]) {
  const pairs = new Set<{ client: Socket; target: Socket; isHalfOpen: boolean }>();
  let next = 0;
  const server = createServer((client) => {
    if (way.ports.length === 0) {
      client.destroy();
      return;
    }
    const target = connect(way.ports[next++ % way.ports.length]!, '127.0.0.1');
    const pair = { client, target, isHalfOpen: false };
    pairs.add(pair);
    const pass = (from: Socket, to: Socket) => {
      from.on('error', () => {});
      from.on('data', (data) => {
        if (!pair.isHalfOpen) to.write(data);
      });
      from.on('close', () => {
        // the server does not learn that the client has gone
        if (pair.isHalfOpen && from === client) return;
        pairs.delete(pair);
        to.destroy();
      });
    };
    pass(client, target);
    pass(target, client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const way = {
    ports,
    url: `ws://127.0.0.1:${port}`,
    /** Ends all connections of this moment, at both ends. */
    cut: () => {
      for (const { client, target } of pairs) {
        client.destroy();
        target.destroy();
      }
    },
    /** What is connected now stays so for the server, and hears and says nothing more; the clients find it broken. */
    freeze: () => {
      for (const pair of pairs) {
        pair.isHalfOpen = true;
        pair.client.destroy();
      }
    },
    stop: () => {
      for (const { client, target } of pairs) {
        client.destroy();
        target.destroy();
      }
      return new Promise((resolve) => server.close(resolve));
    },
  };
  return way;
}
