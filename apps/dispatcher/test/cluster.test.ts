// A dispatcher process on a Redis Cluster: snapshots and a push subscription over partitions on every node, one of which is
// killed during delivery.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@fleetbridge/service';
import {
  connectRedis,
  partitionKeys,
  partitionOf,
  type RedisConnection,
  SnapshotStore,
  whenReady,
} from '@fleetbridge/store';
import { eventually, type RedisCluster, startRedisCluster } from '@fleetbridge/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { MaintenanceLoop } from '../src/maintenance/maintenance-loop.js';
import { createCounts } from '../src/metrics.js';
import { disorder, dispatchRig } from './dispatch-rig.js';
import { startDispatcher } from './dispatcher-process.js';
import { socOf, startPushEndpoint } from './push-endpoint.js';

const PARTITIONS = 8;
const VINS = Array.from({ length: PARTITIONS }, (_, partition) => {
  for (let n = 0; ; n++) if (partitionOf(`VIN${n}`, PARTITIONS) === partition) return `VIN${n}`;
});
let cluster: RedisCluster;
let redis: RedisConnection;
const cleanUp: (() => unknown)[] = [];

beforeAll(async () => {
  const extraArguments = ['--cluster-require-full-coverage', 'no', '--stream-node-max-entries', '10'];
  cluster = await startRedisCluster({ extraArguments });
  redis = connectRedis({ url: cluster.url, name: 'test' });
  await whenReady(redis, 5_000);
});
afterAll(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo();
  redis.disconnect();
  await cluster.stop();
});

it('delivers every record in the order of its vehicle while a node dies and returns', {
  timeout: 60_000,
}, async () => {
  const endpoint = await startPushEndpoint();
  endpoint.delayMs = 5;
  cleanUp.push(() => endpoint.stop());
  const rig = dispatchRig(redis, { url: cluster.url, partitions: PARTITIONS });
  cleanUp.push(() => rig.dispose());
  const folder = mkdtempSync(join(tmpdir(), 'dispatcher-cluster-'));
  cleanUp.push(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'dispatcher.yaml');
  writeFileSync(path, `subscriptions: [{ name: s, from: earliest, push: { url: "${endpoint.url}" } }]`);
  for (let n = 0; n < 100; n++) await Promise.all(VINS.map((vin) => rig.add(vin, n)));
  const dispatcher = await startDispatcher({
    REDIS_URL: cluster.url,
    NAMESPACE: rig.namespace,
    PARTITIONS: String(PARTITIONS),
    DISPATCHER_CONFIG: path,
  });
  cleanUp.push(() => dispatcher.kill());

  await eventually(() => endpoint.pushes.length > 100);
  await cluster.nodes[1]!.kill();
  const atKill = endpoint.pushes.length;
  await cluster.nodes[1]!.start();
  await cluster.whenWhole();
  await whenReady(redis, 5_000);
  for (let n = 100; n < 110; n++) await Promise.all(VINS.map((vin) => rig.add(vin, n)));
  await eventually(() => rig.isDone('s'), 30_000);

  expect(atKill).toBeLessThan(110 * PARTITIONS);
  const delivered = endpoint.pushes.map(socOf);
  expect(disorder(delivered)).toEqual([]);
  expect(new Set(delivered.map(({ vin, n }) => `${vin} ${n}`)).size).toBe(110 * PARTITIONS);
  const snapshots = new SnapshotStore(rig.logStore);
  await eventually(async () => (await snapshots.vins()).length === PARTITIONS);
  for (const vin of VINS) {
    await eventually(async () => expect((await snapshots.read(vin)).hash.Soc).toContain('109'));
  }
});

it('trims the reachable partitions while a node is down', async () => {
  const rig = dispatchRig(redis, { url: cluster.url, partitions: PARTITIONS });
  cleanUp.push(() => rig.dispose());
  const longAgoMs = Date.now() - 2 * 3_600_000;
  for (const vin of VINS) {
    const { records } = rig.logStore.keysOf(vin);
    await Promise.all(Array.from({ length: 1_000 }, (_, n) => redis.xadd(records, `${longAgoMs + n}-0`, 'vin', vin)));
  }
  await rig.subscribe({ name: 's', log: true });
  await rig.store.setPaused('s', 'operator');
  const masters = await Promise.all(VINS.map((_, partition) => cluster.masterOf(String(partition))));
  const holdsSubscriptions = await cluster.masterOf(`${rig.namespace}:subscriptions`);
  const away = cluster.nodes.find((node) => node !== holdsSubscriptions && masters.includes(node))!;
  const held = VINS.map((_, partition) => partition).sort((a) => (masters[a] === away ? -1 : 1));
  const reached = held.filter((partition) => masters[partition] !== away);
  expect(reached.length).toBeLessThan(held.length);

  const log = createLogger({ name: 'test', level: 'silent' });
  const counts = createCounts();
  const maintenance = new MaintenanceLoop({
    store: rig.logStore,
    retention: { hours: 1, entries: 100 },
    memoryPercent: 0,
    keepers: held.map((partition) => ({ isHolder: true, partition })),
    snapshots: new SnapshotStore(rig.logStore),
    subscriptions: rig.store,
    deadConnections: { report: async () => {} },
    fleetStatistics: { update: async () => {} },
    costStatistics: { update: async () => {} },
    counts,
    log,
    now: Date.now,
    steady: () => performance.now(),
  });
  await away.kill();
  cleanUp.push(() => away.start());
  for (let run = 0; run < 6; run++) await maintenance.run();
  for (const partition of reached) {
    expect(await redis.xlen(partitionKeys(rig.namespace, partition).records)).toBeLessThan(1_000);
  }
});
