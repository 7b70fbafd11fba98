import { randomUUID } from 'node:crypto';
import { createLogger } from '@fleetbridge/service';
import { partitionKeys, SlotStore, Store } from '@fleetbridge/store';
import { it as redisTest } from '@fleetbridge/store/testing';
import { eventually } from '@fleetbridge/testing';
import { describe, expect } from 'vitest';
import { type HeldSlot, ResumePositions } from './resume-positions.js';

const VIN = '5YJ3E1EA7KF000001';

interface Setup {
  positions: ResumePositions;
  store: SlotStore;
  counts: { slots: number };
  /** The slots of the vehicle in Redis. */
  slots: () => Promise<string[]>;
}

const it = redisTest.extend<{ open: (options?: { youngMs?: number; processId?: string }) => Setup }>({
  open: async ({ redisServer, redis, namespace, cleanup }, use) => {
    await use(({ processId = 'process-0', ...times } = {}) => {
      const layout = { redis, url: redisServer.url, namespace, partitions: 1 };
      const store = new SlotStore({ store: new Store(layout), processId, windowMs: 900_000, times });
      const counts = { slots: 0 };
      const log = createLogger({ name: 'test', level: 'silent' });
      const positions = new ResumePositions({ store, partitions: 1, counts, log });
      positions.start();
      cleanup.push(() => positions.stop());
      return {
        positions,
        store,
        counts,
        slots: () => redis.hvals(partitionKeys(namespace, 0).slotsPrefix + VIN),
      };
    });
  },
});

describe('the slots of a process', () => {
  it('are written in the background when they are confirmed', async ({ open }) => {
    const { positions, slots } = open();
    const slot = await positions.acquire(request('5-0'));
    asSlot(slot).confirm('7-0');
    await eventually(async () => (await slots())[0]?.endsWith(' 7-0') === true);
  });

  it('are acquired at once by a client that reconnects to the same process', async ({ open }) => {
    const { positions, counts } = open();
    const first = asSlot(await positions.acquire(request('5-0')));
    first.confirm('7-0');
    first.release();
    const second = asSlot(await positions.acquire(request('20-0')));
    expect([second.isNew, second.cursor, second.id]).toEqual([false, '7-0', first.id]);
    expect(counts.slots).toBe(1);
  });

  it('pass from a connection that ended during its request to the next one', async ({ open }) => {
    const { positions } = open();
    const first = asSlot(await positions.acquire(request('5-0')));
    first.confirm('7-0');
    first.release();
    await positions.write();
    const broken = positions.acquire({ ...request('20-0'), isWanted: () => false });
    const second = asSlot(await positions.acquire(request('20-0')));
    expect(await broken).toBeUndefined();
    expect([second.isNew, second.cursor, second.id]).toEqual([false, '7-0', first.id]);
  });

  it('are found again by a connection that did not receive the answer', async ({ open }) => {
    const { positions, store } = open();
    const first = asSlot(await positions.acquire(request('5-0')));
    first.confirm('7-0');
    first.release();
    await positions.write();
    const again = request('20-0');
    const { subscriber, connectionId, cursor } = again;
    const newSlot = { id: connectionId, cursor };
    await store.acquire(VIN, { subscriber, connectionId, newSlot, askedMs: undefined });
    expect(asSlot(await positions.acquire(again))).toMatchObject({ isNew: false, cursor: '7-0', id: first.id });
  });

  it('ask their connections to prove that their clients are there', async ({ open }) => {
    const { positions } = open({ youngMs: -1 });
    let slot: HeldSlot | undefined;
    const first = await positions.acquire({ ...request('5-0'), prove: () => slot?.confirm('6-0') });
    slot = asSlot(first);
    // the client was asked and has answered, which takes effect a millisecond later
    let answer = await positions.acquire(request('20-0'));
    while (answer !== undefined && 'askedMs' in answer)
      answer = await positions.acquire({ ...request('20-0'), askedMs: answer.askedMs });
    expect(asSlot(answer).isNew).toBe(true);
    expect(slot.cursor).toBe('6-0');
  });

  it('are all released when it stops', async ({ open }) => {
    const { positions } = open();
    asSlot(await positions.acquire(request('5-0'))).confirm('7-0');
    await positions.stop();
    const next = open({ processId: 'process-1' });
    expect(asSlot(await next.positions.acquire(request('20-0')))).toMatchObject({ isNew: false, cursor: '7-0' });
  });

  it('that other processes have acquired are replaced, so that both connections keep their positions', async ({
    open,
    redis,
    namespace,
  }) => {
    const { positions, slots } = open();
    const mine = asSlot(await positions.acquire(request('5-0')));
    const id = mine.id;
    await redis.hdel(partitionKeys(namespace, 0).streamingProcesses, 'process-0');
    const other = open({ processId: 'process-1' });
    const theirs = asSlot(await other.positions.acquire(request('20-0')));
    expect(theirs.id).toBe(id);
    mine.confirm('9-0');
    await eventually(async () => (await slots()).some((slot) => slot.endsWith(' 9-0')));
    expect((await slots()).map((slot) => slot.split(' ')[4]).sort()).toEqual(['5-0', '9-0']);
  });

  it('are written when Redis is back', async ({ open, redisServer }) => {
    const { positions, slots } = open();
    const [kept, gone] = [
      asSlot(await positions.acquire(request('5-0'))),
      asSlot(await positions.acquire(request('6-0', 'other'))),
    ];
    await redisServer.kill();
    kept.confirm('7-0');
    gone.confirm('8-0');
    gone.release();
    await expect(positions.acquire(request('9-0'))).rejects.toThrow();
    await redisServer.start();
    await eventually(async () => {
      const stored = (await slots()).map((slot) => slot.split(' '));
      return stored.some((slot) => slot[4] === '7-0') && stored.some((slot) => slot[4] === '8-0' && slot[1] === '-');
    });
  });
});

function request(cursor: string, subscriber = 'subscriber') {
  return { vin: VIN, subscriber, connectionId: randomUUID(), cursor, prove: () => {}, isWanted: () => true };
}

function asSlot(answer: HeldSlot | { askedMs: number } | undefined): HeldSlot {
  if (answer === undefined || 'askedMs' in answer) throw new Error('the request must be repeated');
  return answer;
}
