import { randomUUID } from 'node:crypto';
import { createLogger } from '@fleetbridge/service';
import { connectRedis, partitionKeys, type RedisConnection, SlotStore, Store, whenReady } from '@fleetbridge/store';
import { type DisposableRedis, eventually, startRedis } from '@fleetbridge/testing';
import { cleanupAfterEach } from '@fleetbridge/testing/cleanup';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HeldSlot, ResumePositions } from './resume-positions.js';

const VIN = '5YJ3E1EA7KF000001';
let server: DisposableRedis;
let redis: RedisConnection;
let namespaces = 0;
const cleanUp = cleanupAfterEach();

beforeAll(async () => {
  server = await startRedis();
  redis = connectRedis({ url: server.url, name: 'test' });
  await whenReady(redis, 5_000);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

describe('the slots of a process', () => {
  it('are written in the background as they are confirmed', async () => {
    const { book, slots } = open();
    const slot = await book.take(wish('5-0'));
    asSlot(slot).confirm('7-0');
    await eventually(async () => (await slots())[0]?.endsWith(' 7-0') === true);
  });

  it('are given at once to who comes back to the same process', async () => {
    const { book, counts } = open();
    const first = asSlot(await book.take(wish('5-0')));
    first.confirm('7-0');
    first.release();
    const second = asSlot(await book.take(wish('20-0')));
    expect([second.isNew, second.cursor, second.id]).toEqual([false, '7-0', first.id]);
    expect(counts.slots).toBe(1);
  });

  it('pass from a connection that broke while it asked to the one that follows it', async () => {
    const { book } = open();
    const first = asSlot(await book.take(wish('5-0')));
    first.confirm('7-0');
    first.release();
    await book.write();
    const broken = book.take({ ...wish('20-0'), isWanted: () => false });
    const second = asSlot(await book.take(wish('20-0')));
    expect(await broken).toBeUndefined();
    expect([second.isNew, second.cursor, second.id]).toEqual([false, '7-0', first.id]);
  });

  it('are found again by a connection that did not hear which one it got', async () => {
    const { book, store } = open();
    const first = asSlot(await book.take(wish('5-0')));
    first.confirm('7-0');
    first.release();
    await book.write();
    const again = wish('20-0');
    const { subscriber, connectionId, cursor } = again;
    const newSlot = { id: connectionId, cursor };
    await store.acquire(VIN, { subscriber, connectionId, newSlot, askedMs: undefined });
    expect(asSlot(await book.take(again))).toMatchObject({ isNew: false, cursor: '7-0', id: first.id });
  });

  it('ask the connections that hold them to show that they are there', async () => {
    const { book } = open({ youngMs: -1 });
    let slot: HeldSlot | undefined;
    const first = await book.take({ ...wish('5-0'), prove: () => slot?.confirm('6-0') });
    slot = asSlot(first);
    // it has been asked and has answered, which counts a millisecond later
    let taken = await book.take(wish('20-0'));
    while (taken !== undefined && 'askedMs' in taken)
      taken = await book.take({ ...wish('20-0'), askedMs: taken.askedMs });
    expect(asSlot(taken).isNew).toBe(true);
    expect(slot.cursor).toBe('6-0');
  });

  it('are all free when it stops', async () => {
    const { book, namespace } = open();
    asSlot(await book.take(wish('5-0'))).confirm('7-0');
    await book.stop();
    const next = open({}, namespace, 'process-1');
    expect(asSlot(await next.book.take(wish('20-0')))).toMatchObject({ isNew: false, cursor: '7-0' });
  });

  it('that others have taken are replaced, so that both connections keep their places', async () => {
    const { book, slots, namespace } = open();
    const mine = asSlot(await book.take(wish('5-0')));
    const id = mine.id;
    await redis.hdel(partitionKeys(namespace, 0).streamingProcesses, 'process-0');
    const other = open({}, namespace, 'process-1');
    const theirs = asSlot(await other.book.take(wish('20-0')));
    expect(theirs.id).toBe(id);
    mine.confirm('9-0');
    await eventually(async () => (await slots()).some((slot) => slot.endsWith(' 9-0')));
    expect((await slots()).map((slot) => slot.split(' ')[4]).sort()).toEqual(['5-0', '9-0']);
  });

  it('are written when Redis is back, whatever happened meanwhile', async () => {
    const { book, slots } = open();
    const [kept, gone] = [asSlot(await book.take(wish('5-0'))), asSlot(await book.take(wish('6-0', 'other')))];
    await server.kill();
    kept.confirm('7-0');
    gone.confirm('8-0');
    gone.release();
    await expect(book.take(wish('9-0'))).rejects.toThrow();
    await server.start();
    await eventually(async () => {
      const stored = (await slots()).map((slot) => slot.split(' '));
      return stored.some((slot) => slot[4] === '7-0') && stored.some((slot) => slot[4] === '8-0' && slot[1] === '-');
    });
  });
});

function open(times: Partial<{ youngMs: number }> = {}, namespace = `book-${namespaces++}`, processId = 'process-0') {
  const layout = { redis, url: server.url, namespace, partitions: 1 };
  const store = new SlotStore({ store: new Store(layout), processId, windowMs: 900_000, times });
  const counts = { slots: 0 };
  const log = createLogger({ name: 'test', level: 'silent' });
  const book = new ResumePositions({ store, partitions: 1, counts, log });
  book.start();
  cleanUp.push(() => book.stop());
  return { book, store, counts, namespace, slots: () => redis.hvals(partitionKeys(namespace, 0).slotsPrefix + VIN) };
}

function wish(cursor: string, subscriber = 'subscriber') {
  return { vin: VIN, subscriber, connectionId: randomUUID(), cursor, prove: () => {}, isWanted: () => true };
}

function asSlot(taken: HeldSlot | { askedMs: number } | undefined): HeldSlot {
  if (taken === undefined || 'askedMs' in taken) throw new Error('must wait');
  return taken;
}
