// Deletion against a real Redis. Every key of the namespace is checked afterwards, regardless of its name.
import { eventually, startRedisCluster } from '@fleetbridge/testing';
import { describe, expect } from 'vitest';
import { CommandAudit } from '../command/audit.js';
import { countCall } from '../command/calls.js';
import { acquireLease } from '../lease/lease.js';
import { Quarantine } from '../log/quarantine.js';
import { storeLimitedVehicle } from '../presence/limited-vehicles.js';
import { watchReplacedConnections } from '../presence/replaced-connections.js';
import { connectRedis, type RedisConnection, whenReady } from '../redis/connection.js';
import { LeaseLost } from '../redis/errors.js';
import { Store } from '../redis/store.js';
import { CheckpointStore } from '../resume/checkpoint-store.js';
import { SlotStore } from '../resume/slot-store.js';
import { SNAPSHOT_LEASE, SnapshotStore } from '../snapshot/snapshot-store.js';
import { SubscriptionStore } from '../subscription/definitions.js';
import { acquireSubscription } from '../subscription/leased.js';
import { ConfigurationStore } from '../tesla/configuration-store.js';
import { DoctorReportStore } from '../tesla/doctor-report-store.js';
import { it } from '../testing/index.js';
import { ForgottenVehicles, forgetVehicle, rewriteAppendOnlyFiles } from './forget-vehicle.js';
import { readLogOverview } from './log-overview.js';

const VIN = '5YJ3E1EA7KF000001';
const OTHER = '5YJ3E1EA7KF000002';

describe.each([1, 4])('in a log with %i partitions', (partitions) => {
  it('removes a deleted vehicle from every key and value, and leaves other vehicles unchanged', async ({ store }) => {
    const log = new Store({ ...store, partitions });
    await fill(log, OTHER);
    const before = await readAll(store);
    await fill(log, VIN);
    expect(keysWith(await readAll(store), VIN).length).toBeGreaterThanOrEqual(8);
    const forgotten = await forgetVehicle(log, { vin: VIN, subscriptions: ['home'] });
    expect(forgotten).toEqual({ records: 3, deadLetters: 1, quarantined: 1, others: 22 });
    const after = await readAll(store);
    expect(keysWith(after, VIN)).toEqual([]);
    expect(keysWith(after, OTHER)).toEqual(keysWith(before, OTHER));
    expect(await forgetVehicle(log, { vin: VIN, subscriptions: ['home'] })).toEqual(nothing);
  });
});

it('searches a long log page by page, and keeps entries of other vehicles in the same pages', async ({
  redis,
  store,
}) => {
  const { records } = store.keys(0);
  const pipeline = redis.pipeline();
  for (let n = 0; n < 2_400; n++) pipeline.xadd(records, '*', 'vin', n % 3 === 0 ? OTHER : VIN, 'payload', `${n}`);
  await pipeline.exec();
  const { records: deleted } = await forgetVehicle(store, { vin: VIN, subscriptions: [] });
  expect(deleted).toBe(1_600);
  const left = await redis.xrange(records, '-', '+');
  expect(left.map(([, fields]) => fields[1])).toEqual(Array.from({ length: 800 }, () => OTHER));
});

it('ends the snapshot lease, so that its holder does not write a deleted vehicle again from memory', async ({
  store,
}) => {
  await fill(store, OTHER);
  await fill(store, VIN);
  const snapshots = new SnapshotStore(store);
  const lease = (await acquireLease(store, { partition: 0, name: SNAPSHOT_LEASE, owner: 'keeper', leaseMs: 60_000 }))!;
  await snapshots.commit(0, { lease, cursor: '9000000000000-1', changes: new Map([[VIN, { Soc: '1' }]]) });
  await forgetVehicle(store, { vin: VIN, subscriptions: [] });
  const nextCommit = { lease, cursor: '9000000000000-2', changes: new Map([[VIN, { Soc: '2' }]]) };
  await expect(snapshots.commit(0, nextCommit)).rejects.toThrow(LeaseLost);
  expect(await snapshots.read(VIN)).toEqual({ cursor: '9000000000000-1', hash: {} });
  // without data to delete, the lease remains valid
  const next = (await acquireLease(store, { partition: 0, name: SNAPSHOT_LEASE, owner: 'keeper', leaseMs: 60_000 }))!;
  await forgetVehicle(store, { vin: VIN, subscriptions: [] });
  await snapshots.commit(0, { ...nextCommit, lease: next, changes: new Map() });
});

it('uses short pages for large records, so that Redis is not blocked', async ({ redis, store }) => {
  const { records } = store.keys(0);
  const payload = Buffer.alloc(500_000);
  for (let n = 0; n < 40; n++) await redis.xadd(records, '*', 'vin', n % 2 ? OTHER : VIN, 'payload', payload);
  await redis.config('RESETSTAT');
  expect(await forgetVehicle(store, { vin: VIN, subscriptions: [] })).toMatchObject({ records: 20 });
  const calls = /cmdstat_evalsha:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1];
  expect(Number(calls)).toBeGreaterThanOrEqual(4);
  expect(await redis.xlen(records)).toBe(20);
});

it('ends the lease of a subscription that holds records of the vehicle, and removes its pending entries', async ({
  redis,
  store,
}) => {
  await new SubscriptionStore(store).create({ name: 'home', origin: 'cli', definition: {} }, { from: 'now', nowMs: 1 });
  const place = { store, partition: 0, subscription: 'home' };
  const request = { owner: 'a', leaseMs: 60_000, start: '0-0' };
  const work = (await acquireSubscription(place, request))!;
  const { records } = store.keys(0);
  for (const vin of [OTHER, VIN, OTHER]) await redis.xadd(records, '*', 'vin', vin, 'payload', '');
  expect((await work.readNew(10)).entries).toHaveLength(3);
  await forgetVehicle(store, { vin: VIN, subscriptions: ['home'] });
  await expect(work.readNew(10)).rejects.toThrow(LeaseLost);
  const successor = (await acquireSubscription(place, { ...request, owner: 'b' }))!;
  expect((await successor.readPending('0-0', 10)).map(({ entry }) => entry?.vin)).toEqual([OTHER, OTHER]);
});

it('publishes the connection of the vehicle, so that its process closes it', async ({ redis, store }) => {
  const published: unknown[] = [];
  const watch = watchReplacedConnections({ store, onReplaced: (replaced) => published.push(replaced) });
  try {
    await eventually(async () => Number(await redis.call('PUBSUB', 'NUMPAT')) === 1);
    await redis.hset(store.keys(0).presence, VIN, 'connection-1 process-1 5 wifi');
    await forgetVehicle(store, { vin: VIN, subscriptions: [] });
    await eventually(() => published.length > 0);
    expect(published).toEqual([{ vin: VIN, connectionId: 'connection-1' }]);
  } finally {
    watch.stop();
  }
});

it('announces each deletion once to processes that hold vehicles in memory, without storing the VIN', async ({
  redis,
  store,
}) => {
  const log = new Store({ ...store, partitions: 4 });
  const forgotten = new ForgottenVehicles(log);
  const known = () => [VIN, OTHER, 'VIN3'];
  const startedMs = Date.now();
  expect(await forgotten.among(known)).toEqual([]);
  await forgetVehicle(log, { vin: VIN, subscriptions: [] });
  const [first, ...more] = await forgotten.among(known);
  expect([first?.vin, ...more]).toEqual([VIN]);
  expect(first!.atMs).toBeGreaterThanOrEqual(startedMs);
  expect(await forgotten.among(known)).toEqual([]);
  await eventually(async () => Date.now() > (await lastAnnouncement()));
  await forgetVehicle(log, { vin: VIN, subscriptions: [] });
  expect((await forgotten.among(known)).map(({ vin }) => vin)).toEqual([VIN]);
  expect(keysWith(await readAll(store), VIN)).toEqual([]);
  const key = log.keysOf(VIN).forgotten;
  expect(await redis.pttl(key)).toBeGreaterThan(0);

  async function lastAnnouncement() {
    return Number((await redis.zrange(log.keysOf(VIN).forgotten, '0', '-1', 'WITHSCORES'))[1]);
  }
});

it('works on a Redis Cluster, and rewrites the append-only file of every node', async ({ namespace }) => {
  const cluster = await startRedisCluster();
  const connection = connectRedis({ url: cluster.url, name: 'test' });
  try {
    await cluster.whenWhole();
    await whenReady(connection, 10_000);
    const log = new Store({ redis: connection, url: cluster.url, namespace, partitions: 8 });
    await eventually(() => fill(log, OTHER).then(() => true));
    await fill(log, VIN);
    expect(await forgetVehicle(log, { vin: VIN, subscriptions: ['home'] })).toEqual({
      records: 3,
      deadLetters: 1,
      quarantined: 1,
      others: 22,
    });
    const nodes = cluster.nodes.map(({ url }) => connectRedis({ url, name: 'test' }));
    await Promise.all(nodes.map((node) => whenReady(node, 5_000)));
    const keys = (await Promise.all(nodes.map((node) => node.keys('*')))).flat();
    expect(keys.filter((key) => key.includes(OTHER))).toHaveLength(12);
    expect(keys.filter((key) => key.includes(VIN))).toEqual([]);
    const overview = await readLogOverview(log, { atMostVehicles: 5 });
    expect(overview).toMatchObject({
      durability: 'at_once',
      knownVehicles: 1,
      connectedVehicles: 1,
      followedVehicles: 1,
    });
    expect(await rewriteAppendOnlyFiles(connection)).toBe('begun');
    for (const node of nodes) {
      await eventually(async () => isRewritten(await node.info('persistence')));
      node.disconnect();
    }
  } finally {
    connection.disconnect();
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
  await storeLimitedVehicle(log, vin);
  await redis.sadd(keys.vins, vin);
  await redis.hset(keys.snapshotPrefix + vin, 'Soc', `50 ${vin}`);
  await redis.set(keys.seenPrefix + vin, 'marks');
  const slots = new SlotStore({ store: log, processId: 'p', windowMs: 900_000 });
  const request = { subscriber: 's', connectionId: 'c', newSlot: { id: 'slot', cursor: '1-1' }, askedMs: undefined };
  await slots.acquire(vin, request);
  await new CheckpointStore({ store: log, windowMs: 900_000 }).add(vin, { entryId: '1-1', text: vin });
  await new Quarantine(log).add({ vin, reason: 'unknown', receivedMs: 1, bytes: Buffer.from(vin) });
  await redis.hset(keys.commandSessionsPrefix + vin, '2', vin);
  await redis.hset(keys.commandCountersPrefix + vin, `2 ${vin}`, '5 1');
  await redis.set(keys.commandTurnPrefix + vin, 'ticket 3');
  await redis.set(keys.commandEpochPrefix + vin, '3');
  await redis.zadd(keys.commandQueuePrefix + vin, 4, 'ticket');
  await redis.zadd(keys.commandWaitersPrefix + vin, 5, 'ticket');
  await redis.set(keys.commandProtocolPrefix + vin, 'signed');
  await countCall(log, { vin, kind: 'command', limit: 30 });
  const configurations = new ConfigurationStore(log);
  for (const part of ['wanted', 'sent', 'watch'] as const) await configurations.write(vin, part, `{"vin":"${vin}"}`);
  const named = [...new Set([OTHER, vin])].map((of) => ({
    title: 'Pairing',
    colour: 'green' as const,
    text: of,
    vin: of,
  }));
  await new DoctorReportStore(log).write({ checkedMs: 1, findings: named });
  const audit = new CommandAudit(log);
  await audit.add({ vin, who: 'someone', command: 'door_lock', outcome: 'done', calls: 1 });
  const dead = await redis.xadd(keys.dead('home'), '*', 'entry', '1-1', 'error', 'no', 'vin', vin, 'payload', vin);
  await redis.sadd(keys.redeliver('home'), dead!);
}

/** Every key of the namespace with its content as text. */
async function readAll({ redis, namespace }: Store): Promise<[key: string, text: string][]> {
  const keys = (await redis.keys(`${namespace}:*`)).sort();
  return await Promise.all(keys.map(async (key): Promise<[string, string]> => [key, await textOf(redis, key)]));
}

async function textOf(redis: RedisConnection, key: string): Promise<string> {
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
function keysWith(all: [key: string, text: string][], vin: string): string[] {
  return all
    .filter(([key, text]) => `${key} ${text}`.includes(vin))
    .map(([key, text]) => (key.includes(vin) ? `${key} ${text}` : key));
}

/** The status is ok before the first rewrite too, and a rewrite still writes to the folder that the clean-up removes. */
function isRewritten(info: string): boolean {
  return /aof_last_bgrewrite_status:ok/.test(info) && !/aof_rewrite_(?:in_progress|scheduled):1/.test(info);
}
