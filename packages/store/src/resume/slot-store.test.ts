// Slots and checkpoints against a real Redis.
import { describe, expect } from 'vitest';
import type { Store } from '../redis/store.js';
import { it } from '../testing/index.js';
import { CheckpointStore } from './checkpoint-store.js';
import { SlotStore, type SlotUpdate } from './slot-store.js';

const VIN = '5YJ3E1EA7KF000001';

describe('a slot', () => {
  it('is new for the first connection, and starts at its cursor', async ({ store }) => {
    const { slots } = openSlots(store);
    expect(await acquire(slots, { connection: 'a', cursor: '5-0' })).toEqual({
      kind: 'acquired',
      id: 'slot-a',
      cursor: '5-0',
      isNew: true,
    });
  });

  it('that was freed is reused by the next connection, with the confirmed cursor', async ({ store }) => {
    const { slots } = openSlots(store);
    await acquire(slots, { connection: 'a', cursor: '5-0' });
    expect(await slots.update(0, [update('a', '10-0', 'free')])).toEqual([true]);
    expect(await acquire(slots, { connection: 'b', cursor: '20-0' })).toMatchObject({
      id: 'slot-a',
      cursor: '10-0',
      isNew: false,
    });
  });

  it('is the same for a connection that repeats its request after a lost answer', async ({ store }) => {
    const { slots } = openSlots(store);
    await acquire(slots, { connection: 'a', cursor: '5-0' });
    await slots.update(0, [update('a', '10-0', 'free')]);
    const answer = await acquire(slots, { connection: 'b', cursor: '20-0' });
    expect(answer).toMatchObject({ id: 'slot-a', cursor: '10-0', isNew: false });
    expect(await acquire(slots, { connection: 'b', cursor: '20-0' })).toEqual(answer);
    const added = await acquire(slots, { connection: 'c', cursor: '30-0' });
    expect(added).toMatchObject({ id: 'slot-c', isNew: true });
    expect(await acquire(slots, { connection: 'c', cursor: '30-0' })).toEqual(added);
  });

  it('of another subscriber or vehicle is never acquired', async ({ store }) => {
    const { slots } = openSlots(store);
    await acquire(slots, { connection: 'a', cursor: '5-0' });
    await slots.update(0, [update('a', '10-0', 'free')]);
    expect(await acquire(slots, { connection: 'b', cursor: '20-0', subscriber: 'other' })).toMatchObject({
      isNew: true,
    });
    const elsewhere = await slots.acquire('5YJ3E1EA7KF000002', {
      subscriber: 'subscriber',
      connectionId: 'c',
      newSlot: { id: 'slot-c', cursor: '20-0' },
      askedMs: undefined,
    });
    expect(elsewhere).toMatchObject({ isNew: true });
  });

  it('with the lowest cursor is acquired first, compared as numbers', async ({ store }) => {
    const { slots } = openSlots(store);
    for (const [connection, cursor] of [
      ['a', '9-0'],
      ['b', '10-2'],
      ['c', '10-10'],
    ] as const) {
      await createSlot(slots, connection, cursor);
    }
    await slots.update(0, [update('c', '10-10', 'free'), update('a', '100-0', 'free'), update('b', '10-2', 'free')]);
    const order = [];
    for (const connection of ['x', 'y', 'z']) order.push(await acquire(slots, { connection, cursor: '200-0' }));
    expect(order.map((answer) => answer.kind === 'acquired' && answer.cursor)).toEqual(['10-2', '10-10', '100-0']);
  });

  it('of a connection that has just answered does not make the next one wait', async ({ store }) => {
    const { slots } = openSlots(store);
    await createSlot(slots, 'a', '5-0');
    expect(await acquire(slots, { connection: 'b', cursor: '20-0' })).toMatchObject({ isNew: true });
  });

  it('of a connection that has not answered recently makes the next one wait for its answer', async ({ store }) => {
    const { slots, seenAt, nowMs } = openSlots(store);
    await createSlot(slots, 'a', '5-0');
    const askedMs = await nowMs();
    await seenAt('slot-a', askedMs - 2_000);
    expect(await acquire(slots, { connection: 'b', cursor: '20-0', askedMs })).toEqual({ kind: 'wait', askedMs });
    await slots.update(0, [update('a', '6-0', 'keep')]);
    expect(await acquire(slots, { connection: 'b', cursor: '20-0', askedMs })).toMatchObject({ isNew: true });
    expect((await slots.cursors(VIN)).sort()).toEqual(['20-0', '6-0']);
  });

  it('that is free is acquired immediately, regardless of the others', async ({ store }) => {
    const { slots, seenAt, nowMs } = openSlots(store);
    await createSlot(slots, 'a', '5-0');
    await createSlot(slots, 'b', '9-0');
    await slots.update(0, [update('b', '9-0', 'free')]);
    await seenAt('slot-a', (await nowMs()) - 2_000);
    expect(await acquire(slots, { connection: 'c', cursor: '20-0' })).toMatchObject({ id: 'slot-b', cursor: '9-0' });
  });

  it('of another process makes the next one wait for a heartbeat of that process', async ({ store }) => {
    const { slots, slots2, beatAt, nowMs } = openSlots(store);
    await createSlot(slots, 'a', '5-0');
    const askedMs = await nowMs();
    await beatAt('process-1', askedMs - 100);
    expect(await acquire(slots2, { connection: 'b', cursor: '20-0', askedMs })).toEqual({ kind: 'wait', askedMs });
    await slots.update(0, []);
    expect(await acquire(slots2, { connection: 'b', cursor: '20-0', askedMs })).toMatchObject({ isNew: true });
  });

  it('of a process without a heartbeat is free two seconds after the first request', async ({ store }) => {
    const { slots, slots2, beatAt, nowMs } = openSlots(store);
    await createSlot(slots, 'a', '5-0');
    const askedMs = (await nowMs()) - 2_001;
    await beatAt('process-1', askedMs - 1);
    expect(await acquire(slots2, { connection: 'b', cursor: '20-0', askedMs })).toMatchObject({
      id: 'slot-a',
      cursor: '5-0',
    });
    // if the previous holder is still alive, its update fails
    expect(await slots.update(0, [update('a', '9-0', 'keep')])).toEqual([false]);
    expect(await slots.cursors(VIN)).toEqual(['5-0']);
  });

  it('of a process that has left is free immediately', async ({ store }) => {
    const { slots, slots2 } = openSlots(store);
    await createSlot(slots, 'a', '5-0');
    await slots.leave();
    expect(await acquire(slots2, { connection: 'b', cursor: '20-0' })).toMatchObject({ id: 'slot-a', isNew: false });
  });

  it('of a connection without a pong for ten seconds is free, although its process is alive', async ({ store }) => {
    const { slots, seenAt, nowMs } = openSlots(store);
    await createSlot(slots, 'a', '5-0');
    await seenAt('slot-a', (await nowMs()) - 10_001);
    expect(await acquire(slots, { connection: 'b', cursor: '20-0' })).toMatchObject({ id: 'slot-a', isNew: false });
  });

  it('expires, and its vehicle with it', async ({ store }) => {
    const { slots, seenAt, nowMs } = openSlots(store);
    await createSlot(slots, 'a', '5-0');
    expect(await slots.vins(0)).toEqual([VIN]);
    await seenAt('slot-a', (await nowMs()) - 900_001);
    expect(await acquire(slots, { connection: 'b', cursor: '20-0' })).toMatchObject({ id: 'slot-b', isNew: true });
    expect(await slots.cursors(VIN)).toEqual(['20-0']);
  });

  it('is acquired by one of many concurrent requests, and the others get new slots', async ({ store }) => {
    const { slots } = openSlots(store);
    await createSlot(slots, 'a', '5-0');
    await slots.update(0, [update('a', '10-0', 'free')]);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => acquire(slots, { connection: `n${n}`, cursor: '20-0' })),
    );
    expect(answers.filter((answer) => answer.kind === 'acquired' && !answer.isNew)).toHaveLength(1);
    expect(new Set(answers.map((answer) => answer.kind === 'acquired' && answer.id)).size).toBe(20);
  });

  it('that was lost is replaced by a new slot of the same connection', async ({ store }) => {
    const { slots } = openSlots(store);
    expect(await slots.update(0, [update('a', '7-0', 'keep')])).toEqual([false]);
    expect(await slots.update(0, [update('a', '7-0', 'new')])).toEqual([true]);
    expect(await slots.update(0, [update('a', '8-0', 'keep')])).toEqual([true]);
    expect(await slots.cursors(VIN)).toEqual(['8-0']);
  });

  it('removes processes without a recent heartbeat', async ({ store }) => {
    const { slots, beatAt, processes } = openSlots(store);
    await createSlot(slots, 'a', '5-0');
    await beatAt('dead-process', 1);
    await slots.removeDeadProcesses();
    expect(await processes()).toEqual(['process-1']);
  });
});

describe('checkpoints', () => {
  it('start once; a later start returns the existing ones', async ({ store }) => {
    const checkpoints = new CheckpointStore({ store, windowMs: 900_000 });
    expect(await checkpoints.begin(VIN, { entryId: '5-0', text: 'first' })).toEqual([]);
    expect(await checkpoints.begin(VIN, { entryId: '6-0', text: 'second' })).toEqual([
      { entryId: '5-0', text: 'first' },
    ]);
  });

  it('keep a minimum distance, and only the newest of many remain', async ({ store }) => {
    const checkpoints = new CheckpointStore({ store, windowMs: 900_000 });
    await checkpoints.begin(VIN, { entryId: '1000000-0', text: '' });
    await checkpoints.add(VIN, { entryId: '1059999-0', text: 'too close' });
    for (let n = 1; n <= 30; n++) await checkpoints.add(VIN, { entryId: `${1_000_000 + n * 60_000}-0`, text: `${n}` });
    const kept = await checkpoints.begin(VIN, { entryId: '1-0', text: '' });
    expect(kept.map(({ text }) => Number(text))).toEqual(Array.from({ length: 24 }, (_, n) => n + 7));
  });
});

/** The slots of two processes, and access to what they store. */
function openSlots(store: Store) {
  const { redis } = store;
  const { slotsPrefix, streamingProcesses } = store.keys(0);
  const slotsOf = (processId: string) => new SlotStore({ store, processId, windowMs: 900_000 });
  return {
    slots: slotsOf('process-1'),
    slots2: slotsOf('process-2'),
    beatAt: (processId: string, ms: number) => redis.hset(streamingProcesses, processId, ms),
    processes: () => redis.hkeys(streamingProcesses),
    seenAt: async (slot: string, ms: number) => {
      const parts = (await redis.hget(slotsPrefix + VIN, slot))!.split(' ');
      parts[3] = String(ms);
      await redis.hset(slotsPrefix + VIN, slot, parts.join(' '));
    },
    /** Redis' clock, in milliseconds. */
    nowMs: async () => {
      const [seconds, micros] = await redis.time();
      return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
    },
  };
}

function acquire(
  slots: SlotStore,
  request: { connection: string; cursor: string; askedMs?: number; subscriber?: string },
) {
  const { connection, cursor, askedMs, subscriber = 'subscriber' } = request;
  return slots.acquire(VIN, {
    subscriber,
    connectionId: connection,
    newSlot: { id: `slot-${connection}`, cursor },
    askedMs,
  });
}

async function createSlot(slots: SlotStore, connection: string, cursor: string) {
  await slots.update(0, [{ ...update(connection, cursor, 'new') }]);
}

function update(connection: string, cursor: string, change: SlotUpdate['change']): SlotUpdate {
  return { vin: VIN, id: `slot-${connection}`, subscriber: 'subscriber', connectionId: connection, cursor, change };
}
