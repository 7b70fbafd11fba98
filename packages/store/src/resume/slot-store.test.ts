// Slots and checkpoints against a real Redis.
import { type DisposableRedis, startRedis } from '@fleetbridge/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectRedis, type RedisConnection, whenReady } from '../redis/connection.js';
import { partitionKeys } from '../redis/keys.js';
import { Store } from '../redis/store.js';
import { CheckpointStore } from './checkpoint-store.js';
import { SlotStore, type SlotUpdate } from './slot-store.js';

const VIN = '5YJ3E1EA7KF000001';
let server: DisposableRedis;
let redis: RedisConnection;
let namespaces = 0;

beforeAll(async () => {
  server = await startRedis();
  redis = connectRedis({ url: server.url, name: 'test' });
  await whenReady(redis, 5_000);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

describe('a slot', () => {
  it('is new for the first connection, and begins at its cursor', async () => {
    const { store } = openSlots();
    expect(await take(store, { connection: 'a', cursor: '5-0' })).toEqual({
      kind: 'acquired',
      id: 'slot-a',
      cursor: '5-0',
      isNew: true,
    });
  });

  it('that was freed goes to the next connection, with the confirmed cursor', async () => {
    const { store } = openSlots();
    await take(store, { connection: 'a', cursor: '5-0' });
    expect(await store.update(0, [update('a', '10-0', 'free')])).toEqual([true]);
    expect(await take(store, { connection: 'b', cursor: '20-0' })).toMatchObject({
      id: 'slot-a',
      cursor: '10-0',
      isNew: false,
    });
  });

  it('is the same for a connection that repeats its request after a lost answer', async () => {
    const { store } = openSlots();
    await take(store, { connection: 'a', cursor: '5-0' });
    await store.update(0, [update('a', '10-0', 'free')]);
    const answer = await take(store, { connection: 'b', cursor: '20-0' });
    expect(answer).toMatchObject({ id: 'slot-a', cursor: '10-0', isNew: false });
    expect(await take(store, { connection: 'b', cursor: '20-0' })).toEqual(answer);
    const unclaimed = await take(store, { connection: 'c', cursor: '30-0' });
    expect(unclaimed).toMatchObject({ id: 'slot-c', isNew: true });
    expect(await take(store, { connection: 'c', cursor: '30-0' })).toEqual(unclaimed);
  });

  it('of another subscriber or vehicle is never acquired', async () => {
    const { store } = openSlots();
    await take(store, { connection: 'a', cursor: '5-0' });
    await store.update(0, [update('a', '10-0', 'free')]);
    expect(await take(store, { connection: 'b', cursor: '20-0', subscriber: 'other' })).toMatchObject({ isNew: true });
    const elsewhere = await store.acquire('5YJ3E1EA7KF000002', {
      subscriber: 'subscriber',
      connectionId: 'c',
      newSlot: { id: 'slot-c', cursor: '20-0' },
      askedMs: undefined,
    });
    expect(elsewhere).toMatchObject({ isNew: true });
  });

  it('with the lowest cursor is acquired first, compared as numbers', async () => {
    const { store } = openSlots();
    for (const [connection, cursor] of [
      ['a', '9-0'],
      ['b', '10-2'],
      ['c', '10-10'],
    ] as const) {
      await holdFrom(store, connection, cursor);
    }
    await store.update(0, [update('c', '10-10', 'free'), update('a', '100-0', 'free'), update('b', '10-2', 'free')]);
    const order = [];
    for (const connection of ['x', 'y', 'z']) order.push(await take(store, { connection, cursor: '200-0' }));
    expect(order.map((answer) => answer.kind === 'acquired' && answer.cursor)).toEqual(['10-2', '10-10', '100-0']);
  });

  it('of a connection that answered a moment ago does not make the next one wait', async () => {
    const { store } = openSlots();
    await holdFrom(store, 'a', '5-0');
    expect(await take(store, { connection: 'b', cursor: '20-0' })).toMatchObject({ isNew: true });
  });

  it('of a connection that has not answered lately makes the next one wait until it does', async () => {
    const { store, seenAt } = openSlots();
    await holdFrom(store, 'a', '5-0');
    const askedMs = await redisNow();
    await seenAt('slot-a', askedMs - 2_000);
    expect(await take(store, { connection: 'b', cursor: '20-0', askedMs })).toEqual({ kind: 'wait', askedMs });
    await store.update(0, [update('a', '6-0', 'keep')]);
    expect(await take(store, { connection: 'b', cursor: '20-0', askedMs })).toMatchObject({ isNew: true });
    expect((await store.cursors(VIN)).sort()).toEqual(['20-0', '6-0']);
  });

  it('that is free is acquired immediately, regardless of the others', async () => {
    const { store, seenAt } = openSlots();
    await holdFrom(store, 'a', '5-0');
    await holdFrom(store, 'b', '9-0');
    await store.update(0, [update('b', '9-0', 'free')]);
    await seenAt('slot-a', (await redisNow()) - 2_000);
    expect(await take(store, { connection: 'c', cursor: '20-0' })).toMatchObject({ id: 'slot-b', cursor: '9-0' });
  });

  it('of another process makes the next one wait for a heartbeat of that process', async () => {
    const { store, store2, beatAt } = openSlots();
    await holdFrom(store, 'a', '5-0');
    const askedMs = await redisNow();
    await beatAt('process-1', askedMs - 100);
    expect(await take(store2, { connection: 'b', cursor: '20-0', askedMs })).toEqual({ kind: 'wait', askedMs });
    await store.update(0, []);
    expect(await take(store2, { connection: 'b', cursor: '20-0', askedMs })).toMatchObject({ isNew: true });
  });

  it('of a process without a heartbeat is free two seconds after the first request', async () => {
    const { store, store2, beatAt } = openSlots();
    await holdFrom(store, 'a', '5-0');
    const askedMs = (await redisNow()) - 2_001;
    await beatAt('process-1', askedMs - 1);
    expect(await take(store2, { connection: 'b', cursor: '20-0', askedMs })).toMatchObject({
      id: 'slot-a',
      cursor: '5-0',
    });
    // a previous holder that is still alive gets false
    expect(await store.update(0, [update('a', '9-0', 'keep')])).toEqual([false]);
    expect(await store.cursors(VIN)).toEqual(['5-0']);
  });

  it('of a process that has left is free at once', async () => {
    const { store, store2 } = openSlots();
    await holdFrom(store, 'a', '5-0');
    await store.leave();
    expect(await take(store2, { connection: 'b', cursor: '20-0' })).toMatchObject({ id: 'slot-a', isNew: false });
  });

  it('of a connection without a pong for ten seconds is free, although its process is alive', async () => {
    const { store, seenAt } = openSlots();
    await holdFrom(store, 'a', '5-0');
    await seenAt('slot-a', (await redisNow()) - 10_001);
    expect(await take(store, { connection: 'b', cursor: '20-0' })).toMatchObject({ id: 'slot-a', isNew: false });
  });

  it('expires, and so does its vehicle', async () => {
    const { store, seenAt } = openSlots();
    await holdFrom(store, 'a', '5-0');
    expect(await store.vins(0)).toEqual([VIN]);
    await seenAt('slot-a', (await redisNow()) - 900_001);
    expect(await take(store, { connection: 'b', cursor: '20-0' })).toMatchObject({ id: 'slot-b', isNew: true });
    expect(await store.cursors(VIN)).toEqual(['20-0']);
  });

  it('goes to one of many concurrent requests, and the others get slots of their own', async () => {
    const { store } = openSlots();
    await holdFrom(store, 'a', '5-0');
    await store.update(0, [update('a', '10-0', 'free')]);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => take(store, { connection: `n${n}`, cursor: '20-0' })),
    );
    expect(answers.filter((answer) => answer.kind === 'acquired' && !answer.isNew)).toHaveLength(1);
    expect(new Set(answers.map((answer) => answer.kind === 'acquired' && answer.id)).size).toBe(20);
  });

  it('that was lost is replaced by a new one of the same connection', async () => {
    const { store } = openSlots();
    expect(await store.update(0, [update('a', '7-0', 'keep')])).toEqual([false]);
    expect(await store.update(0, [update('a', '7-0', 'new')])).toEqual([true]);
    expect(await store.update(0, [update('a', '8-0', 'keep')])).toEqual([true]);
    expect(await store.cursors(VIN)).toEqual(['8-0']);
  });

  it('removes processes without a recent heartbeat', async () => {
    const { store, beatAt, processes } = openSlots();
    await holdFrom(store, 'a', '5-0');
    await beatAt('dead-process', 1);
    await store.removeDeadProcesses();
    expect(await processes()).toEqual(['process-1']);
  });
});

describe('checkpoints', () => {
  it('are started once; a later start returns the existing ones', async () => {
    const checkpoints = openCheckpoints();
    expect(await checkpoints.begin(VIN, { entryId: '5-0', text: 'first' })).toEqual([]);
    expect(await checkpoints.begin(VIN, { entryId: '6-0', text: 'second' })).toEqual([
      { entryId: '5-0', text: 'first' },
    ]);
  });

  it('keep their minimum distance, and the newest of many are kept', async () => {
    const checkpoints = openCheckpoints();
    await checkpoints.begin(VIN, { entryId: '1000000-0', text: '' });
    await checkpoints.add(VIN, { entryId: '1059999-0', text: 'too close' });
    for (let n = 1; n <= 30; n++) await checkpoints.add(VIN, { entryId: `${1_000_000 + n * 60_000}-0`, text: `${n}` });
    const kept = await checkpoints.begin(VIN, { entryId: '1-0', text: '' });
    expect(kept.map(({ text }) => Number(text))).toEqual(Array.from({ length: 24 }, (_, n) => n + 7));
  });
});

function openSlots() {
  const namespace = `slots-${namespaces++}`;
  const { slotsPrefix, streamingProcesses } = partitionKeys(namespace, 0);
  const slotsOf = (processId: string) => new SlotStore({ store: storeOf(namespace), processId, windowMs: 900_000 });
  return {
    store: slotsOf('process-1'),
    store2: slotsOf('process-2'),
    beatAt: (processId: string, ms: number) => redis.hset(streamingProcesses, processId, ms),
    processes: () => redis.hkeys(streamingProcesses),
    seenAt: async (slot: string, ms: number) => {
      const parts = (await redis.hget(slotsPrefix + VIN, slot))!.split(' ');
      parts[3] = String(ms);
      await redis.hset(slotsPrefix + VIN, slot, parts.join(' '));
    },
  };
}

function openCheckpoints() {
  return new CheckpointStore({ store: storeOf(`slots-${namespaces++}`), windowMs: 900_000 });
}

function storeOf(namespace: string): Store {
  return new Store({ redis, url: server.url, namespace, partitions: 1 });
}

function take(
  store: SlotStore,
  request: { connection: string; cursor: string; askedMs?: number; subscriber?: string },
) {
  const { connection, cursor, askedMs, subscriber = 'subscriber' } = request;
  return store.acquire(VIN, {
    subscriber,
    connectionId: connection,
    newSlot: { id: `slot-${connection}`, cursor },
    askedMs,
  });
}

async function holdFrom(store: SlotStore, connection: string, cursor: string) {
  await store.update(0, [{ ...update(connection, cursor, 'new') }]);
}

function update(connection: string, cursor: string, change: SlotUpdate['change']): SlotUpdate {
  return { vin: VIN, id: `slot-${connection}`, subscriber: 'subscriber', connectionId: connection, cursor, change };
}

async function redisNow(): Promise<number> {
  const [seconds, micros] = await redis.time();
  return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
}
