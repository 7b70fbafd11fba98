// The package on a real Redis Cluster of three nodes: partitions on every node, nodes that are killed and restarted, and
// slots that migrate.
import { eventually, type RedisCluster, sendRedisCommand } from '@fleetbridge/testing';
import { describe, expect } from 'vitest';
import { AdmissionStore } from '../src/admin/admission-store.js';
import { forgetVehicle } from '../src/admin/forget-vehicle.js';
import { TokenStore } from '../src/admin/token-store.js';
import { joinDispatchers, leaveDispatchers } from '../src/lease/dispatchers.js';
import { acquireLease } from '../src/lease/lease.js';
import { AppendNotifier } from '../src/log/append-notifier.js';
import type { LogEntry } from '../src/log/entry.js';
import { LogPages } from '../src/log/pages.js';
import { Quarantine } from '../src/log/quarantine.js';
import { PackedRecords } from '../src/log/record-packing.js';
import { logClock, storeRetentionPass, trimPartition } from '../src/log/retention.js';
import { LogTail } from '../src/log/tail.js';
import { Presence } from '../src/presence/presence.js';
import { watchReplacedConnections } from '../src/presence/replaced-connections.js';
import { connectRedis, whenReady } from '../src/redis/connection.js';
import { partitionKeys, slotOf } from '../src/redis/keys.js';
import { agreeOnLayout } from '../src/redis/layout.js';
import { memoryUse } from '../src/redis/memory.js';
import { runScript } from '../src/redis/run-script.js';
import type { Store } from '../src/redis/store.js';
import { CheckpointStore } from '../src/resume/checkpoint-store.js';
import { SlotStore } from '../src/resume/slot-store.js';
import { appendRecords } from '../src/scripts/append-records.js';
import { SNAPSHOT_LEASE, SnapshotStore } from '../src/snapshot/snapshot-store.js';
import { SubscriptionStore } from '../src/subscription/definitions.js';
import { acquireSubscription } from '../src/subscription/leased.js';
import { connectivity, record, vinOfPartition } from './appender-test.js';
import { clusterTest } from './cluster-test.js';
import { sendSteadily } from './steady-sender.js';

const PARTITIONS = 8;
const ALL = Array.from({ length: PARTITIONS }, (_, partition) => partition);
/** One vehicle per partition. */
const VINS = ALL.map((partition) => vinOfPartition(partition, PARTITIONS));
// partitions of running nodes stay available
const it = clusterTest({ partitions: PARTITIONS, extraArguments: ['--cluster-require-full-coverage', 'no'] });

it('distributes the partitions over all nodes', async ({ cluster }) => {
  const masters = await Promise.all(ALL.map((partition) => cluster.masterOf(String(partition))));
  expect(new Set(masters).size).toBe(3);
  expect(await sendRedisCommand(cluster.nodes[0]!.port, 'CLUSTER', 'KEYSLOT', 'x:{5}:records')).toBe(slotOf(5));
});

describe('on a cluster', () => {
  it('stores and follows records in order, and finds repeats', async ({ cleanup, open }) => {
    const { store, append } = open();
    await agreeOnLayout(store);
    const received = follow(store, cleanup);
    const outcomes = VINS.flatMap((vin) => [1, 2, 3].map((n) => append({ vin, txid: `${n}` })));
    expect(new Set(await Promise.all(outcomes))).toEqual(new Set(['stored']));
    const again = VINS.map((vin) => append({ vin, txid: '2', kind: 'possible_repeat' }));
    expect(new Set(await Promise.all(again))).toEqual(new Set(['repeat']));
    await eventually(() => VINS.every((vin) => received.of(vin).length === 3));
    for (const vin of VINS) expect(received.of(vin)).toEqual(['1', '2', '3']);
    const pages = new LogPages(store);
    for (const partition of ALL) expect(await pages.after(partition, '0-0', 10)).toHaveLength(3);
  });

  it('reports presence and replaced connections of every partition', async ({ cleanup, open }) => {
    const { store, append } = open();
    const presence = new Presence(store);
    const replaced: string[] = [];
    const watch = watchReplacedConnections({
      store,
      onReplaced: ({ vin }) => replaced.push(vin),
    });
    cleanup.push(() => watch.stop());
    await eventually(async () => {
      // until the subscription is active at its node
      replaced.length = 0;
      await Promise.all(VINS.map((vin) => append(connectivity('connect', `${Math.random()}`, vin))));
      await Promise.all(VINS.map((vin) => append(connectivity('connect', `${Math.random()}`, vin))));
      await eventually(() => VINS.every((vin) => replaced.includes(vin)), 200);
    });
    expect((await presence.all()).map(({ vin }) => vin).sort()).toEqual([...VINS].sort());
    expect(await presence.renewProcess('process-1', 60_000)).toBe(false);
    expect(await presence.renewProcess('process-1', 60_000)).toBe(true);
    expect(await presence.reportDead(0, 1)).toEqual([]);
    await presence.endProcess('process-1');
    for (const partition of ALL) expect(await presence.reportDead(partition, 1)).toHaveLength(1);
    await presence.ping();
  });

  it('handles snapshots, leases, slots, checkpoints and retention in every partition', async ({ open }) => {
    const { store, append } = open();
    const snapshots = new SnapshotStore(store);
    const slots = new SlotStore({ store, processId: 'p', windowMs: 60_000 });
    const checkpoints = new CheckpointStore({ store, windowMs: 60_000 });
    for (const [partition, vin] of VINS.entries()) {
      const lease = (await acquireLease(store, { partition, name: SNAPSHOT_LEASE, owner: 'a', leaseMs: 60_000 }))!;
      const changes = new Map([[vin, { Soc: '1 80' }]]);
      await snapshots.commit(partition, { lease, cursor: '5-0', changes });
      expect(await snapshots.read(vin)).toEqual({ cursor: '5-0', hash: { Soc: '1 80' } });
      const newSlot = { id: 's', cursor: '5-0' };
      const request = { subscriber: 'me', connectionId: 'c', newSlot, askedMs: undefined };
      expect(await slots.acquire(vin, request)).toMatchObject({ kind: 'acquired', isNew: true });
      const kept = { vin, id: 's', subscriber: 'me', connectionId: 'c', cursor: '6-0', change: 'keep' as const };
      expect(await slots.update(partition, [kept])).toEqual([true]);
      await checkpoints.begin(vin, { entryId: '5-0', text: 'known' });
      await append({ vin, txid: 'old' });
      expect(
        await trimPartition(store, {
          partition,
          redisMs: (await logClock(store, partition)).redisMs + 3_600_000 * 2,
          hours: 1,
          entries: 1,
          deliveredUpTo: '0-0',
        }),
      ).toBeGreaterThanOrEqual(0);
      await storeRetentionPass(store, partition, 1);
      await snapshots.clear(partition);
    }
    expect(await snapshots.vins()).toEqual([]);
    await slots.removeDeadProcesses();
    await slots.leave();
  });

  it('acquires, delivers, dead-letters, seeks and deletes subscriptions in every partition', async ({
    cleanup,
    open,
  }) => {
    const { store, append } = open();
    const subscriptions = new SubscriptionStore(store);
    const subscription = { name: 's', origin: 'cli' as const, definition: {} };
    await Promise.all(VINS.flatMap((vin) => [1, 2].map((n) => append({ vin, txid: `${n}` }))));
    expect(await subscriptions.create(subscription, { from: 'earliest', nowMs: 1 })).toBe(true);
    const request = { owner: 'a', leaseMs: 60_000, start: '0-0' };
    for (const partition of ALL) {
      const notifier = new AppendNotifier({ store, partition });
      cleanup.push(() => notifier.stop());
      const place = { store, partition, subscription: 's' };
      const work = (await acquireSubscription(place, request))!;
      const { entries } = await work.readNew(10);
      expect(entries.map(({ txid }) => txid)).toEqual(['1', '2']);
      await work.acknowledge([entries[0]!.id]);
      await work.reject(entries[1]!.id, { rejections: 5, maximum: 5, error: 'no', nowMs: 1 });
      const notified = notifier.wait(entries[1]!.id);
      await append({ vin: VINS[partition]!, txid: '3' });
      await notified;
      expect((await work.readNew(10)).entries.map(({ txid }) => txid)).toEqual(['3']);
      await work.renew();
      await work.release();
    }
    const control = subscriptions.control('s');
    expect(await control.deadLetters(10)).toHaveLength(PARTITIONS);
    expect((await control.lag()).map(({ records }) => records)).toEqual(ALL.map(() => 1));
    expect(await control.peek(5)).toHaveLength(PARTITIONS);
    await control.seek('0-0');
    expect((await control.lag()).map(({ records }) => records)).toEqual(ALL.map(() => 3));
    await subscriptions.delete('s');
    expect(await subscriptions.list()).toEqual([]);
  });

  it('handles keys that belong to no partition', async ({ cluster, redis, open }) => {
    const { store } = open();
    const { namespace } = store;
    const tokens = new TokenStore({ redis, namespace });
    const { token, grant } = await tokens.create({ vin: '*', label: 'x', nowMs: 1 });
    expect(await tokens.grantOf(token)).toEqual(grant);
    expect(await tokens.revoke(grant.id)).toBe(true);
    const admission = new AdmissionStore({ redis, namespace });
    await admission.set(['A', 'B'], 'deny');
    expect((await admission.read()).verdicts).toEqual(new Map([['A', 'deny'], ['B', 'deny']])); // biome-ignore format: a row
    await admission.withdraw('A');
    expect((await admission.read()).verdicts).toEqual(new Map([['B', 'deny']]));
    expect(await joinDispatchers(store, { owner: 'a', forMs: 1_000 })).toBe(1);
    await leaveDispatchers(store, 'a');
    const quarantine = new Quarantine(store);
    await Promise.all(VINS.map((vin) => quarantine.add({ vin, reason: 'r', receivedMs: 1, bytes: Buffer.from('x') })));
    const { usedBytes } = await memoryUse(redis);
    const ofNodes = cluster.nodes.map(async ({ port }) => sendRedisCommand(port, 'INFO', 'memory'));
    const least = Math.min(
      ...(await Promise.all(ofNodes)).map((info) => Number(/used_memory:(\d+)/.exec(`${info}`)?.[1])),
    );
    expect(usedBytes).toBeGreaterThan(least * 0.9);
  });

  it('deletes one vehicle, and keeps the others', async ({ open }) => {
    const { store, append, stored } = open();
    const [forgotten = '', kept = ''] = VINS;
    await Promise.all([forgotten, kept].map((vin) => append({ vin, txid: '1' })));
    const done = await forgetVehicle(store, { vin: forgotten, subscriptions: ['s'] });
    expect(done.records).toBe(1);
    expect(await stored(forgotten)).toEqual([]);
    expect(await stored(kept)).toEqual(['1']);
  });
});

it('uses the password in the URL for every node and each kind of connection', async ({ cluster, cleanup, open }) => {
  const password = 'p@ss:w/rd';
  const setPassword = (text: string) => Promise.all(nodes.map((node) => node.config('SET', 'requirepass', text)));
  // these connections stay open when the password changes
  const nodes = cluster.nodes.map(({ port }) => connectRedis({ url: `redis://127.0.0.1:${port}`, name: 'operator' }));
  cleanup.push(() => {
    for (const node of nodes) node.disconnect();
  });
  await Promise.all(nodes.map((node) => whenReady(node, 5_000)));
  await setPassword(password);
  cleanup.push(() => setPassword(''));

  const url = cluster.url.replace('://', `://:${encodeURIComponent(password)}@`);
  const connection = connectRedis({ url, name: 'with password' });
  cleanup.push(() => connection.disconnect());
  await whenReady(connection, 5_000);
  const { store, append } = open({ redis: connection, url });
  const received = follow(store, cleanup);
  const replaced: string[] = [];
  const watch = watchReplacedConnections({ store, onReplaced: ({ vin }) => replaced.push(vin) });
  cleanup.push(() => watch.stop());
  await Promise.all(VINS.map((vin) => append({ vin, txid: '1' })));
  await eventually(() => VINS.every((vin) => received.of(vin).length === 1));
  await eventually(async () => {
    await append(connectivity('connect', `${Math.random()}`, VINS[0]));
    return replaced.length > 0;
  });
  const withoutPassword = connectRedis({ url: cluster.url, name: 'without' });
  cleanup.push(() => withoutPassword.disconnect());
  await expect(whenReady(withoutPassword, 300)).rejects.toThrow();
});

describe('when a node fails', () => {
  it('loses no acknowledged record of a killed node, and delays no other partition', async ({
    cluster,
    cleanup,
    open,
  }) => {
    const { store, append, stored, appender } = open();
    const received = follow(store, cleanup);
    const load = VINS.map((vin) => sendSteadily((txid) => append({ vin, txid })));
    await eventually(() => load.every(({ acknowledged }) => acknowledged.length > 50));
    const node = await cluster.masterOf('0');
    await node.kill();
    await eventually(() => appender.isInTrouble);
    const masters = await Promise.all(ALL.map((partition) => cluster.masterOf(String(partition))));
    const unaffected = load.filter((_, partition) => masters[partition] !== node);
    expect(unaffected.length).toBeLessThan(PARTITIONS);
    const before = unaffected.map(({ acknowledged }) => acknowledged.length);
    await eventually(() => unaffected.every(({ acknowledged }, n) => acknowledged.length > before[n]! + 50));
    await node.start();
    const atStart = load.map(({ acknowledged }) => acknowledged.length);
    await eventually(() => load.every(({ acknowledged }, n) => acknowledged.length > atStart[n]! + 50));
    await Promise.all(load.map((sender) => sender.stop()));
    for (const [partition, vin] of VINS.entries()) {
      const { sent, acknowledged } = load[partition]!;
      expect(acknowledged).toEqual(sent);
      expect(await stored(vin)).toEqual(sent);
      // readers receive each record once, too
      await eventually(() => received.of(vin).length === sent.length);
      expect(received.of(vin)).toEqual(sent);
    }
  });

  it('reconnects after all nodes were killed', async ({ cluster, redis, open }) => {
    const { append, stored } = open();
    expect(await append({ vin: VINS[0]!, txid: '1' })).toBe('stored');
    await Promise.all(cluster.nodes.map((node) => node.kill()));
    const waiting = append({ vin: VINS[0]!, txid: '2' });
    await expect(redis.ping()).rejects.toThrow();
    await Promise.all(cluster.nodes.map((node) => node.start()));
    expect(await waiting).toBe('stored');
    await whenReady(redis, 10_000);
    expect(await stored(VINS[0]!)).toEqual(['1', '2']);
  });

  it('delays only the partitions of a node that does not answer', async ({ cluster, redis, cleanup, open }) => {
    const { append, stored, appender } = open({ callTimeoutMs: 300 });
    await Promise.all(VINS.map((vin) => append({ vin, txid: '1' })));
    const node = await cluster.masterOf('0');
    const masters = await Promise.all(ALL.map((partition) => cluster.masterOf(String(partition))));
    const other = masters.findIndex((master) => master !== node);
    node.pause();
    cleanup.push(() => node.resume());
    const waiting = append({ vin: VINS[0]!, txid: '2' });
    await eventually(() => appender.isInTrouble);
    expect(await append({ vin: VINS[other]!, txid: '2' })).toBe('stored');
    expect(await redis.exists(partitionKeys('x', other).records)).toBe(0);
    node.resume();
    await waiting;
    expect(await stored(VINS[0]!)).toEqual(['1', '2']);
  });
});

it('keeps the records of a slot in order, each once, while the slot migrates under load', async ({
  cluster,
  cleanup,
  open,
}) => {
  const { store, append, stored } = open();
  const received = follow(store, cleanup);
  const [vin = ''] = VINS;
  const load = sendSteadily((txid) => append({ vin, txid }));
  await eventually(() => load.acknowledged.length > 50);
  const from = await cluster.masterOf('0');
  const to = cluster.nodes.find((node) => node !== from)!;
  await moveSlot(cluster, slotOf(0), from.port, to.port);
  const moved = load.acknowledged.length;
  await eventually(() => load.acknowledged.length > moved + 50);
  await load.stop();
  expect(await cluster.masterOf('0')).toBe(to);
  expect(await stored(vin)).toEqual(load.sent);
  await eventually(() => received.of(vin).length === load.sent.length);
  expect(received.of(vin)).toEqual(load.sent);
});

it.for([
  ['treats a repeat as new', 'possible_repeat', 'once'],
  ['stores a record without a mark', 'record', 'new'],
] as const)(
  'never %s while the marks have migrated before the log',
  async ([, kind, txid], { cluster, redis, open }) => {
    const { store, append, stored } = open();
    const [vin = ''] = VINS;
    await append({ vin, kind: 'connect', txid: 'connection-1' });
    await append({ vin, txid: 'once' });
    const keys = partitionKeys(store.namespace, 0);
    // creates every declared key, so that the node accepts the script
    await redis.set(keys.givenUp('me'), '0');
    const from = await cluster.masterOf('0');
    const to = cluster.nodes.find((node) => node !== from)!;
    await beginMove(slotOf(0), from.port, to.port);
    await sendRedisCommand(from.port, 'MIGRATE', '127.0.0.1', to.port, `${keys.seenPrefix}${vin}`, 0, 5_000);

    const packed = new PackedRecords();
    packed.add(record({ vin, kind, txid }));
    const declared = [keys.records, keys.presence, keys.newest, keys.givenUp('me')];
    const args = [keys.seenPrefix, 'process-1', '0', packed.bytes, 0, '1', Date.now()];
    const [codes, failure] = (await runScript(redis, appendRecords, declared, args)) as [string, string];
    expect(codes).toBe('');
    expect(failure).toMatch(/^TRYAGAIN/);
    await moveSlot(cluster, slotOf(0), from.port, to.port);
    // the vehicle resends the unacknowledged record
    await append({ vin, kind: 'possible_repeat', txid });
    await append({ vin, kind: 'possible_repeat', txid });
    expect((await stored(vin)).filter((found) => found === txid)).toHaveLength(1);
  },
);

/** Tails of all partitions; `of` returns the received txids of a vehicle. */
function follow(store: Store, cleanup: (() => unknown)[]) {
  const received: LogEntry[] = [];
  const tails = ALL.map((partition) => {
    const onEntry = (entry: LogEntry) => void received.push(entry);
    const onSkipped = ({ error }: { error: unknown }) => expect.unreachable(String(error));
    return new LogTail({ store, partition, from: '0-0', onEntry, onSkipped });
  });
  for (const tail of tails) tail.start();
  cleanup.push(() => Promise.all(tails.map((tail) => tail.stop())));
  return { of: (vin: string) => received.filter((entry) => entry.vin === vin).map(({ txid }) => txid) };
}

async function beginMove(slot: number, from: number, to: number): Promise<string> {
  const [fromId, toId] = (await Promise.all(
    [from, to].map((port) => sendRedisCommand(port, 'CLUSTER', 'MYID')),
  )) as string[];
  await sendRedisCommand(to, 'CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId!);
  await sendRedisCommand(from, 'CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId!);
  return toId!;
}

/** Follows the procedure of redis-cli. */
async function moveSlot(cluster: RedisCluster, slot: number, from: number, to: number): Promise<void> {
  const toId = await beginMove(slot, from, to);
  for (;;) {
    const keys = (await sendRedisCommand(from, 'CLUSTER', 'GETKEYSINSLOT', slot, 5)) as string[];
    if (keys.length === 0) break;
    await sendRedisCommand(from, 'MIGRATE', '127.0.0.1', to, '', 0, 5_000, 'KEYS', ...keys);
  }
  await sendRedisCommand(to, 'CLUSTER', 'SETSLOT', slot, 'NODE', toId);
  await sendRedisCommand(from, 'CLUSTER', 'SETSLOT', slot, 'NODE', toId);
  await eventually(async () => {
    const states = await Promise.all(cluster.nodes.map(({ port }) => sendRedisCommand(port, 'CLUSTER', 'SLOTS')));
    return new Set(states.map((ranges) => ownerIn(ranges as [number, number, [string, number]][], slot))).size === 1;
  });
}

function ownerIn(ranges: [number, number, [string, number]][], slot: number): number | undefined {
  return ranges.find(([first, last]) => first <= slot && slot <= last)?.[2][1];
}
