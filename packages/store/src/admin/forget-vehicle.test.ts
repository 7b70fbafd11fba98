// Deletion against a real Redis: every key of the namespace is read afterwards, whatever its name.
import { type DisposableRedis, eventually, startRedis, startRedisCluster } from '@fleetbridge/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { acquireLease } from '../lease/lease.js';
import { Quarantine } from '../log/quarantine.js';
import { watchReplacedConnections } from '../presence/replaced-connections.js';
import { connectRedis, type RedisConnection, whenReady } from '../redis/connection.js';
import { LeaseLost } from '../redis/errors.js';
import { partitionKeys, partitionOf } from '../redis/keys.js';
import { Store } from '../redis/store.js';
import { CheckpointStore } from '../resume/checkpoint-store.js';
import { SlotStore } from '../resume/slot-store.js';
import { SNAPSHOT_LEASE, SnapshotStore } from '../snapshot/snapshot-store.js';
import { SubscriptionStore } from '../subscription/definitions.js';
import { acquireSubscription } from '../subscription/leased.js';
import { ForgottenVehicles, forgetVehicle, rewriteAppendOnlyFiles } from './forget-vehicle.js';
import { readLogOverview } from './log-overview.js';

const VIN = '5YJ3E1EA7KF000001';
const OTHER = '5YJ3E1EA7KF000002';
let server: DisposableRedis;
let redis: RedisConnection;
let namespaces = 0;
let namespace = '';

beforeAll(async () => {
  server = await startRedis();
  redis = connectRedis({ url: server.url, name: 'test' });
  await whenReady(redis, 5_000);
});
beforeEach(() => {
  namespace = `forget-${namespaces++}`;
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

describe.each([1, 4])('in a log with %i partitions', (partitions) => {
  it('removes a deleted vehicle from every key and value, and leaves other vehicles unchanged', async () => {
    const log = new Store({ redis, url: server.url, namespace, partitions });
    await fill(log, OTHER);
    const before = await everything();
    await fill(log, VIN);
    expect(holders(await everything(), VIN).length).toBeGreaterThanOrEqual(8);
    const forgotten = await forgetVehicle(log, { vin: VIN, subscriptions: ['home'] });
    expect(forgotten).toEqual({ records: 3, deadLetters: 1, quarantined: 1, others: 8 });
    const after = await everything();
    expect(holders(after, VIN)).toEqual([]);
    expect(holders(after, OTHER)).toEqual(holders(before, OTHER));
    expect(await forgetVehicle(log, { vin: VIN, subscriptions: ['home'] })).toEqual(nothing);
  });
});

it('searches a long log page by page, and keeps entries of other vehicles in the same pages', async () => {
  const log = new Store({ redis, url: server.url, namespace, partitions: 1 });
  const { records } = partitionKeys(namespace, 0);
  const pipeline = redis.pipeline();
  for (let n = 0; n < 2_400; n++) pipeline.xadd(records, '*', 'vin', n % 3 === 0 ? OTHER : VIN, 'payload', `${n}`);
  await pipeline.exec();
  const { records: deleted } = await forgetVehicle(log, { vin: VIN, subscriptions: [] });
  expect(deleted).toBe(1_600);
  const left = await redis.xrange(records, '-', '+');
  expect(left.map(([, fields]) => fields[1])).toEqual(Array.from({ length: 800 }, () => OTHER));
});

it('ends the lease of the snapshots, so that a deleted vehicle is not written again from memory', async () => {
  const log = new Store({ redis, url: server.url, namespace, partitions: 1 });
  await fill(log, OTHER);
  await fill(log, VIN);
  const snapshots = new SnapshotStore(log);
  const lease = (await acquireLease(log, { partition: 0, name: SNAPSHOT_LEASE, owner: 'keeper', leaseMs: 60_000 }))!;
  await snapshots.commit(0, { lease, cursor: '9000000000000-1', changes: new Map([[VIN, { Soc: '1' }]]) });
  await forgetVehicle(log, { vin: VIN, subscriptions: [] });
  const again = { lease, cursor: '9000000000000-2', changes: new Map([[VIN, { Soc: '2' }]]) };
  await expect(snapshots.commit(0, again)).rejects.toThrow(LeaseLost);
  expect(await snapshots.read(VIN)).toEqual({ cursor: '9000000000000-1', hash: {} });
  // with nothing to delete, the lease stays
  const next = (await acquireLease(log, { partition: 0, name: SNAPSHOT_LEASE, owner: 'keeper', leaseMs: 60_000 }))!;
  await forgetVehicle(log, { vin: VIN, subscriptions: [] });
  await snapshots.commit(0, { ...again, lease: next, changes: new Map() });
});

it('uses short pages for large records, so that Redis is not blocked', async () => {
  const log = new Store({ redis, url: server.url, namespace, partitions: 1 });
  const { records } = partitionKeys(namespace, 0);
  const payload = Buffer.alloc(500_000);
  for (let n = 0; n < 40; n++) await redis.xadd(records, '*', 'vin', n % 2 ? OTHER : VIN, 'payload', payload);
  await redis.config('RESETSTAT');
  expect(await forgetVehicle(log, { vin: VIN, subscriptions: [] })).toMatchObject({ records: 20 });
  const calls = /cmdstat_evalsha:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1];
  expect(Number(calls)).toBeGreaterThanOrEqual(4);
  expect(await redis.xlen(records)).toBe(20);
});

it('ends the lease of a subscription that holds records of the vehicle, and removes its pending entries', async () => {
  const log = new Store({ redis, url: server.url, namespace, partitions: 1 });
  await new SubscriptionStore(log).create({ name: 'home', origin: 'cli', definition: {} }, { from: 'now', nowMs: 1 });
  const place = { store: log, partition: 0, subscription: 'home' };
  const wanted = { owner: 'a', leaseMs: 60_000, start: '0-0' };
  const work = (await acquireSubscription(place, wanted))!;
  const { records } = partitionKeys(namespace, 0);
  for (const vin of [OTHER, VIN, OTHER]) await redis.xadd(records, '*', 'vin', vin, 'payload', '');
  expect((await work.readNew(10)).entries).toHaveLength(3);
  await forgetVehicle(log, { vin: VIN, subscriptions: ['home'] });
  await expect(work.readNew(10)).rejects.toThrow(LeaseLost);
  const successor = (await acquireSubscription(place, { ...wanted, owner: 'b' }))!;
  expect((await successor.readPending('0-0', 10)).map(({ entry }) => entry?.vin)).toEqual([OTHER, OTHER]);
});

it('publishes the open connection, so that its process closes it', async () => {
  const store = new Store({ redis, url: server.url, namespace, partitions: 1 });
  const published: unknown[] = [];
  const watch = watchReplacedConnections({ store, onReplaced: (connection) => published.push(connection) });
  try {
    await eventually(async () => Number(await redis.call('PUBSUB', 'NUMPAT')) === 1);
    await redis.hset(partitionKeys(namespace, 0).presence, VIN, 'connection-1 process-1 5 wifi');
    await forgetVehicle(store, { vin: VIN, subscriptions: [] });
    await eventually(() => published.length > 0);
    expect(published).toEqual([{ vin: VIN, connectionId: 'connection-1' }]);
  } finally {
    watch.stop();
  }
});

it('announces each deletion once to processes that hold vehicles in memory, without storing the VIN', async () => {
  const log = new Store({ redis, url: server.url, namespace, partitions: 4 });
  const forgotten = new ForgottenVehicles(log);
  const known = () => [VIN, OTHER, 'VIN3'];
  const begunMs = Date.now();
  expect(await forgotten.among(known)).toEqual([]);
  await forgetVehicle(log, { vin: VIN, subscriptions: [] });
  const [first, ...more] = await forgotten.among(known);
  expect([first?.vin, ...more]).toEqual([VIN]);
  expect(first!.atMs).toBeGreaterThanOrEqual(begunMs);
  expect(await forgotten.among(known)).toEqual([]);
  await eventually(async () => Date.now() > (await lastAnnouncement()));
  await forgetVehicle(log, { vin: VIN, subscriptions: [] });
  expect((await forgotten.among(known)).map(({ vin }) => vin)).toEqual([VIN]);
  expect(holders(await everything(), VIN)).toEqual([]);
  const key = partitionKeys(namespace, partitionOf(VIN, 4)).forgotten;
  expect(await redis.pttl(key)).toBeGreaterThan(0);

  async function lastAnnouncement() {
    return Number(
      (await redis.zrange(partitionKeys(namespace, partitionOf(VIN, 4)).forgotten, '0', '-1', 'WITHSCORES'))[1],
    );
  }
});

it('works on a Redis Cluster, and rewrites the append-only file of every node', async () => {
  const cluster = await startRedisCluster();
  const over = connectRedis({ url: cluster.url, name: 'test' });
  try {
    await cluster.whenWhole();
    await whenReady(over, 10_000);
    const log = new Store({ redis: over, url: cluster.url, namespace, partitions: 8 });
    await eventually(() => fill(log, OTHER).then(() => true));
    await fill(log, VIN);
    expect(await forgetVehicle(log, { vin: VIN, subscriptions: ['home'] })).toEqual({
      records: 3,
      deadLetters: 1,
      quarantined: 1,
      others: 8,
    });
    const nodes = cluster.nodes.map(({ url }) => connectRedis({ url, name: 'test' }));
    await Promise.all(nodes.map((node) => whenReady(node, 5_000)));
    const keys = (await Promise.all(nodes.map((node) => node.keys('*')))).flat();
    expect(keys.filter((key) => key.includes(OTHER))).toHaveLength(4);
    expect(keys.filter((key) => key.includes(VIN))).toEqual([]);
    const overview = await readLogOverview(log, { atMostVehicles: 5 });
    expect(overview).toMatchObject({
      durability: 'at_once',
      knownVehicles: 1,
      connectedVehicles: 1,
      followedVehicles: 1,
    });
    expect(await rewriteAppendOnlyFiles(over)).toBe('begun');
    for (const node of nodes) {
      await eventually(async () => /aof_last_bgrewrite_status:ok/.test(await node.info('persistence')));
      node.disconnect();
    }
  } finally {
    over.disconnect();
    await cluster.stop();
  }
});

const nothing = { records: 0, deadLetters: 0, quarantined: 0, others: 0 };

/** Stores one item of every kind for a vehicle. */
async function fill(log: Store, vin: string) {
  const { redis } = log;
  const keys = log.keysOf(vin);
  for (const topic of ['connectivity', 'V', 'alerts'])
    await redis.xadd(keys.records, '*', 'vin', vin, 'topic', topic, 'payload', `of ${vin}`);
  await redis.hset(keys.presence, vin, 'connection process 5 wifi');
  await redis.hset(keys.newest, vin, '5');
  await redis.sadd(keys.vins, vin);
  await redis.hset(keys.snapshotPrefix + vin, 'Soc', `50 ${vin}`);
  await redis.set(keys.seenPrefix + vin, 'marks');
  const slots = new SlotStore({ store: log, processId: 'p', windowMs: 900_000 });
  const wish = { subscriber: 's', connectionId: 'c', newSlot: { id: 'slot', cursor: '1-1' }, askedMs: undefined };
  await slots.acquire(vin, wish);
  await new CheckpointStore({ store: log, windowMs: 900_000 }).add(vin, { entryId: '1-1', text: vin });
  await new Quarantine(log).add({ vin, reason: 'unknown', receivedMs: 1, bytes: Buffer.from(vin) });
  const dead = await redis.xadd(keys.dead('home'), '*', 'entry', '1-1', 'error', 'no', 'vin', vin, 'payload', vin);
  await redis.sadd(keys.redeliver('home'), dead!);
}

/** Each key of the namespace with its content as text. */
async function everything(): Promise<[key: string, text: string][]> {
  const keys = (await redis.keys(`${namespace}:*`)).sort();
  return await Promise.all(keys.map(async (key): Promise<[string, string]> => [key, await textOf(key)]));
}

async function textOf(key: string): Promise<string> {
  switch (await redis.type(key)) {
    case 'stream':
      return JSON.stringify(await redis.xrange(key, '-', '+'));
    case 'hash':
      return JSON.stringify(await redis.hgetall(key));
    case 'set':
      return JSON.stringify((await redis.smembers(key)).sort());
    case 'zset':
      return JSON.stringify(await redis.zrange(key, '0', '-1'));
    case 'list':
      return JSON.stringify(await redis.lrange(key, 0, -1));
    default:
      return String(await redis.get(key));
  }
}

/** The keys that contain a VIN; with their content when the VIN is part of the key. */
function holders(all: [key: string, text: string][], vin: string): string[] {
  return all
    .filter(([key, text]) => `${key} ${text}`.includes(vin))
    .map(([key, text]) => (key.includes(vin) ? `${key} ${text}` : key));
}
