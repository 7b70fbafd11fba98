// Subscriptions against a real Redis: ownership, takeover by another owner, and the operations of an operator.
import { eventually, wallClock } from '@fleetbridge/testing';
import { describe, expect } from 'vitest';
import { joinDispatchers, leaveDispatchers } from '../src/lease/dispatchers.js';
import { AppendNotifier } from '../src/log/append-notifier.js';
import type { RedisConnection } from '../src/redis/connection.js';
import { LeaseLost } from '../src/redis/errors.js';
import { dispatchersKey } from '../src/redis/keys.js';
import { Store } from '../src/redis/store.js';
import { SubscriptionStore } from '../src/subscription/definitions.js';
import { acquireSubscription, type LeasedSubscription, subscriptionLease } from '../src/subscription/leased.js';
import { it } from '../src/testing/index.js';
import { VIN } from './appender-test.js';

describe('LeasedSubscription', () => {
  it('returns new entries once, in order, and the last id of the stream when there are no more', async ({ store }) => {
    const { acquire, add } = await createSubscription(store);
    const ids = [await add(1), await add(2), await add(3)];
    const work = await acquire('a');
    expect((await work.readNew(2)).entries.map(({ id }) => id)).toEqual(ids.slice(0, 2));
    expect((await work.readNew(2)).entries.map(({ id, vin, txid }) => [id, vin, txid])).toEqual([[ids[2], VIN, '3']]);
    expect(await work.readNew(2)).toEqual({ entries: [], lastId: ids[2] });
  });

  it('has one owner, and the next owner reads all pending entries in id order before new ones', async ({ store }) => {
    const { acquire, tryAcquire, add, expire } = await createSubscription(store);
    const ids = await Promise.all([1, 2, 3, 4, 5].map(add));
    const first = await acquire('a');
    expect(await tryAcquire('b')).toBeUndefined();
    await first.readNew(4);
    await first.acknowledge([ids[1]!]);
    await expire();
    const second = await acquire('b');
    expect(second.epoch).toBeGreaterThan(first.epoch);
    expect((await second.readPending('0-0', 2)).map(({ id }) => id)).toEqual([ids[0], ids[2]]);
    expect((await second.readPending(ids[2]!, 2)).map(({ id }) => id)).toEqual([ids[3]]);
    expect((await second.readNew(9)).entries.map(({ id }) => id)).toEqual([ids[4]]);
  });

  it('can be acquired while memory is full, so that a dispatcher that restarts can continue to deliver', async ({
    redis,
    store,
  }) => {
    const { acquire, add, expire } = await createSubscription(store);
    const id = await add(1);
    await acquire('a');
    await expire();
    await redis.config('SET', 'maxmemory', '1');
    try {
      await expect(redis.set('anything', 'x')).rejects.toThrow('OOM');
      const work = await acquire('b');
      expect((await work.readNew(9)).entries.map((entry) => entry.id)).toEqual([id]);
      await work.acknowledge([id]);
    } finally {
      await redis.config('SET', 'maxmemory', '0');
    }
  });

  it('rejects all calls of an owner after another one has acquired its lease', async ({ redis, store }) => {
    const { acquire, add, expire, lag } = await createSubscription(store);
    const keys = store.keys(0);
    const ids = await Promise.all([1, 2, 3].map(add));
    const former = await acquire('a');
    await former.readNew(2);
    await expire();
    const current = await acquire('b');
    const before = await lag();
    const attempts = [
      former.acknowledge([ids[0]!]),
      former.readNew(1),
      former.readPending('0-0', 1),
      former.renew(),
      former.reject(ids[0]!, { rejections: 5, maximum: 5, error: 'no', nowMs: 1 }),
      former.reject(ids[0]!, { rejections: 1, maximum: 5, error: 'no', nowMs: 1 }),
      former.redeliveries(),
      former.settleRedelivery('1-0', { nowMs: 1 }),
    ];
    for (const attempt of attempts) await expect(attempt).rejects.toThrow(LeaseLost);
    await former.release();
    expect(await lag()).toMatchObject({ ...before, ageMs: expect.any(Number) });
    expect(await redis.exists(keys.dead('s'), keys.rejections('s'))).toBe(0);
    await current.renew();
    expect((await current.readPending('0-0', 9)).map(({ id }) => id)).toEqual(ids.slice(0, 2));
  });

  it('considers its lease expired by its own clock, measured from before the request', async ({ store }) => {
    const { acquire } = await createSubscription(store);
    const work = await acquire('a', 500);
    expect(work.isHeld()).toBe(true);
    await eventually(() => !work.isHeld());
    const other = await createSubscription(store, 'other');
    const renewed = await other.acquire('a', 60_000);
    await renewed.renew();
    expect(renewed.isHeld()).toBe(true);
  });

  it.for([-3_600_000, 3_600_000])(
    'holds its lease when the clock is set by %i ms',
    async (setMs, { store, cleanup }) => {
      const { acquire } = await createSubscription(store);
      const clock = wallClock();
      cleanup.push(() => clock.reset());
      const work = await acquire('a', 500);
      clock.set(setMs);
      expect(work.isHeld()).toBe(true);
      await eventually(() => !work.isHeld());
    },
  );

  it('keeps entries of a lost answer pending after the last id that arrived', async ({ store }) => {
    const { acquire, add } = await createSubscription(store);
    const ids = await Promise.all([1, 2, 3].map(add));
    const work = await acquire('a');
    const { entries } = await work.readNew(1);
    await work.readNew(2); // simulates a lost answer
    expect((await work.readPending(entries[0]!.id, 9)).map(({ id }) => id)).toEqual(ids.slice(1));
  });

  it('counts rejections across owners, and stores a dead letter with the error of the last one', async ({ store }) => {
    const { acquire, add, expire, control } = await createSubscription(store);
    const id = await add(1);
    const first = await acquire('a');
    await first.readNew(1);
    const rejected = (work: LeasedSubscription, rejections: number) =>
      work.reject(id, { rejections, maximum: 2, error: `no ${rejections}`, nowMs: 77 });
    expect(await rejected(first, 1)).toBe(false);
    await expire();
    const second = await acquire('b');
    expect(await second.rejections()).toEqual(new Map([[id, 1]]));
    expect(await rejected(second, 2)).toBe(true);
    // a repeat of the call, because its answer was lost
    expect(await rejected(second, 2)).toBe(true);
    expect(await second.readPending('0-0', 1)).toEqual([]);
    expect(await second.rejections()).toEqual(new Map());
    expect(await control.deadLetters(9)).toMatchObject([
      { partition: 0, rejections: 2, error: 'no 2', diedMs: 77, entry: { id, vin: VIN, topic: 'V', txid: '1' } },
    ]);
  });

  it('redelivers dead letters on request: deleted when delivered, stored with the new error when rejected', async ({
    store,
  }) => {
    const { acquire, add, control } = await createSubscription(store);
    const work = await acquire('a');
    const [one, two] = [await add(1), await add(2)];
    await work.readNew(2);
    for (const id of [one, two]) await work.reject(id, { rejections: 1, maximum: 1, error: 'no', nowMs: 1 });
    const dead = await control.deadLetters(9);
    expect(await work.redeliveries()).toEqual([]);
    expect(await control.redeliver(0, [...dead.map(({ id }) => id), '1-1'])).toBe(2);
    const again = await work.redeliveries();
    expect(again.map(({ entry }) => entry.id)).toEqual([one, two]);
    expect(again[0]?.entry.payload).toEqual(Buffer.from([0, 1, 255]));
    await work.settleRedelivery(again[0]!.id, { nowMs: 2 });
    await work.settleRedelivery(again[1]!.id, { nowMs: 2, error: 'still no' });
    expect(await work.redeliveries()).toEqual([]);
    expect(await control.deadLetters(9)).toMatchObject([
      { entry: { id: two, txid: '2' }, error: 'still no', rejections: 2, diedMs: 2 },
    ]);
  });

  it('redelivers the oldest of many dead letters first', async ({ store }) => {
    const { acquire, add, control } = await createSubscription(store);
    const work = await acquire('a');
    const ids = await Promise.all(Array.from({ length: 120 }, (_, n) => add(n)));
    await work.readNew(200);
    for (const id of ids) await work.reject(id, { rejections: 1, maximum: 1, error: 'no', nowMs: 1 });
    const dead = await control.deadLetters(200);
    await control.redeliver(0, dead.map(({ id }) => id).reverse());
    expect((await work.redeliveries()).map(({ entry }) => entry.id)).toEqual(ids.slice(0, 100));
  });

  it('reports pending entries that retention has removed', async ({ redis, store }) => {
    const { acquire, add } = await createSubscription(store);
    const [one, two] = [await add(1), await add(2)];
    const work = await acquire('a');
    await work.readNew(2);
    await redis.xtrim(store.keys(0).records, 'MINID', two);
    const pending = await work.readPending('0-0', 9);
    expect(pending.map(({ id, entry }) => [id, entry?.txid])).toEqual([
      [one, undefined],
      [two, '2'],
    ]);
    expect((await work.load([two, one])).map((entry) => entry?.txid)).toEqual(['2', undefined]);
  });
});

describe('SubscriptionControl', () => {
  it('ends the lease on a seek, and the next owner reads exactly the entries after the position', async ({ store }) => {
    const { acquire, add, control } = await createSubscription(store);
    const ids = await Promise.all([1, 2, 3, 4].map(add));
    const before = await acquire('a');
    await before.readNew(4);
    await before.acknowledge([ids[0]!, ids[3]!]);
    await control.seek(ids[1]!);
    await expect(before.acknowledge([ids[2]!])).rejects.toThrow(LeaseLost);
    const after = await acquire('a');
    expect(after.epoch).toBeGreaterThan(before.epoch);
    expect(await after.readPending('0-0', 9)).toEqual([]);
    expect((await after.readNew(9)).entries.map(({ id }) => id)).toEqual(ids.slice(2));
    await control.seek('$');
    expect((await (await acquire('a')).readNew(9)).entries).toEqual([]);
  });

  it('measures the lag: the number of unacknowledged entries and the age of the oldest', async ({ store }) => {
    const { acquire, add, lag, control } = await createSubscription(store);
    expect(await lag()).toMatchObject({ records: 0, ageMs: undefined, neededFrom: '0-0', holder: undefined });
    const work = await acquire('a');
    const ids = await Promise.all([1, 2, 3, 4].map(add));
    await work.readNew(2);
    await work.acknowledge([ids[0]!]);
    expect(await lag()).toMatchObject({ records: 3, pending: 1, oldestId: ids[1], neededFrom: ids[1], holder: 'a' });
    await work.acknowledge([ids[1]!]);
    expect(await lag()).toMatchObject({ records: 2, pending: 0, oldestId: ids[2], neededFrom: ids[1] });
    expect((await lag()).ageMs).toBeGreaterThanOrEqual(0);
    await work.readNew(9);
    await work.acknowledge(ids);
    expect(await lag()).toMatchObject({ records: 0, ageMs: undefined, oldestId: undefined });
    await control.markLost(0, ids[1]!);
    expect((await lag()).lostUpTo).toBe(ids[1]);
  });

  it('shows a suspension until the holder withdraws it or stops repeating it', async ({ redis, store }) => {
    const { acquire, lag } = await createSubscription(store);
    const work = await acquire('a');
    const suspension = { error: 'HTTP 503', sinceMs: 1, nextTryMs: 2 };
    await work.setSuspension(suspension);
    expect((await lag()).suspension).toEqual(suspension);
    expect(await redis.pttl(store.keys(0).suspension('s'))).toBeGreaterThan(5_000);
    await work.setSuspension(undefined);
    expect((await lag()).suspension).toBeUndefined();
  });

  it('counts up to a limit when Redis does not report the number', async ({ redis, store }) => {
    const { add, acquire, control, lag } = await createSubscription(store);
    for (let n = 0; n < 1_200; n++) void add(n);
    const last = await add(1_200);
    const { records } = store.keys(0);
    const [first] = await redis.xrange(records, '-', '+', 'COUNT', 2).then((found) => found.map(([id]) => id));
    // after a deletion in the middle, XINFO GROUPS does not report the lag
    await redis.xdel(records, last);
    await control.seek(first!);
    await acquire('a');
    expect(await lag()).toMatchObject({ records: 1_000, isAtLeast: true });
  });

  it('peeks at the next entries without delivering them', async ({ store }) => {
    const { acquire, add, control } = await createSubscription(store);
    const ids = await Promise.all([1, 2, 3, 4].map(add));
    const work = await acquire('a');
    await work.readNew(2);
    await work.acknowledge([ids[0]!]);
    expect((await control.peek(2)).map(({ id, isPending }) => [id, isPending])).toEqual([
      [ids[1], true],
      [ids[2], false],
    ]);
    expect((await work.readNew(9)).entries.map(({ id }) => id)).toEqual(ids.slice(2));
  });
});

describe('SubscriptionStore', () => {
  it('creates a subscription at the end of the log or at its first entry, in each of four partitions', async ({
    store,
  }) => {
    const log = new Store({ ...store, partitions: 4 });
    const subscriptions = new SubscriptionStore(log);
    const vins = Array.from({ length: 40 }, (_, n) => `VIN${n}`);
    const addAll = (round: number) => Promise.all(vins.map((vin) => add(log, vin, `${vin}-${round}`)));
    await addAll(1);
    const definition = { any: 'thing' };
    expect(await subscriptions.create({ name: 'now', origin: 'cli', definition }, { from: 'now', nowMs: 5 })).toBe(
      true,
    );
    expect(
      await subscriptions.create({ name: 'all', origin: 'file', definition }, { from: 'earliest', nowMs: 5 }),
    ).toBe(true);
    expect(await subscriptions.create({ name: 'all', origin: 'cli', definition }, { from: 'now', nowMs: 6 })).toBe(
      false,
    );
    await addAll(2);
    const read = async (name: string) => {
      const { start } = (await subscriptions.get(name))!;
      const lists = start.map(async (from, partition) => {
        const place = { store: log, partition, subscription: name };
        const work = await acquireSubscription(place, { owner: 'a', leaseMs: 60_000, start: from });
        return (await work!.readNew(1_000)).entries.map(({ txid }) => txid);
      });
      return (await Promise.all(lists)).flat().sort();
    };
    expect(await read('now')).toEqual(vins.map((vin) => `${vin}-2`).sort());
    expect(await read('all')).toEqual(vins.flatMap((vin) => [`${vin}-1`, `${vin}-2`]).sort());
    expect((await subscriptions.control('now').lag()).map(({ pending }) => pending > 0)).toEqual([
      true,
      true,
      true,
      true,
    ]);
  });

  it('creates a subscription once for two concurrent processes, and keeps the groups and leases of the first', async ({
    redis,
    store,
  }) => {
    const log = new Store({ ...store, partitions: 2 });
    const request = { name: 's', origin: 'cli' as const, definition: {} };
    const winner = new SubscriptionStore(log);
    let held: LeasedSubscription | undefined;
    // the first process creates it, and a dispatcher acquires it, right after the second has found no definition
    const late: RedisConnection = Object.assign(Object.create(redis), {
      hexists: async (key: string, name: string) => {
        const found = await redis.hexists(key, name);
        expect(await winner.create(request, { from: 'earliest', nowMs: 1 })).toBe(true);
        const place = { store: log, partition: 0, subscription: 's' };
        held = await acquireSubscription(place, { owner: 'a', leaseMs: 60_000, start: '0-0' });
        return found;
      },
    });
    const loser = new SubscriptionStore(new Store({ ...log, redis: late }));
    expect(await loser.create(request, { from: 'now', nowMs: 2 })).toBe(false);
    await held!.renew();
    for (const partition of [0, 1]) {
      const groups = (await redis.xinfo('GROUPS', log.keys(partition).records)) as string[][];
      expect(groups.map((facts) => facts[1])).toEqual(['s']);
    }
  });

  it('creates a subscription once for many concurrent processes', async ({ redis, store }) => {
    const log = new Store({ ...store, partitions: 4 });
    const request = { name: 's', origin: 'cli' as const, definition: {} };
    for (let round = 0; round < 10; round++) {
      const processes = Array.from({ length: 8 }, () => new SubscriptionStore(log));
      const created = await Promise.all(
        processes.map((process) => process.create(request, { from: 'now', nowMs: round })),
      );
      expect(created.filter(Boolean)).toHaveLength(1);
      const groups = await log.eachPartition(({ records }) => redis.xinfo('GROUPS', records));
      expect(groups.map((list) => (list as unknown[]).length)).toEqual([1, 1, 1, 1]);
      await processes[0]!.delete('s');
    }
  });

  it('lists, pauses, redefines and deletes subscriptions', async ({ store }) => {
    const subscriptions = new SubscriptionStore(store);
    await subscriptions.create({ name: 'b', origin: 'cli', definition: 1 }, { from: 'now', nowMs: 5 });
    await subscriptions.create({ name: 'a', origin: 'file', definition: 2 }, { from: 'now', nowMs: 6 });
    await subscriptions.setPaused('a', 'not_in_file');
    await subscriptions.redefine((await subscriptions.get('b'))!, 3);
    await subscriptions.setVerdict('b', ['wrong']);
    expect(await subscriptions.verdict('b')).toEqual(['wrong']);
    expect(await subscriptions.list()).toEqual([
      { name: 'a', origin: 'file', definition: 2, createdMs: 6, start: ['0-0'], paused: 'not_in_file' },
      { name: 'b', origin: 'cli', definition: 3, createdMs: 5, start: ['0-0'], paused: undefined },
    ]);
    await subscriptions.setPaused('a', undefined);
    expect((await subscriptions.get('a'))?.paused).toBeUndefined();
    await subscriptions.delete('b');
    expect((await subscriptions.list()).map(({ name }) => name)).toEqual(['a']);
    expect(await subscriptions.verdict('b')).toBeUndefined();
  });

  it('keeps no data of a deleted subscription for a new one of the same name', async ({ store }) => {
    const { acquire, add, subscriptions, control } = await createSubscription(store);
    const id = await add(1);
    const work = await acquire('a');
    await work.readNew(1);
    await work.reject(id, { rejections: 1, maximum: 1, error: 'no', nowMs: 1 });
    await add(2);
    await subscriptions.delete('s');
    await expect(work.readNew(1)).rejects.toThrow(LeaseLost);
    await subscriptions.create({ name: 's', origin: 'cli', definition: {} }, { from: 'now', nowMs: 1 });
    expect(await control.deadLetters(9)).toEqual([]);
    const start = (await subscriptions.get('s'))!.start[0]!;
    expect((await (await acquire('a', 60_000, start)).readNew(9)).entries).toEqual([]);
  });
});

describe('AppendNotifier', () => {
  it('notifies all waiting readers of an append, and readers that are behind immediately', async ({
    store,
    cleanup,
  }) => {
    const { add } = await createSubscription(store);
    const notifier = new AppendNotifier({ store, partition: 0 });
    cleanup.push(() => notifier.stop());
    const first = await add(1);
    let notified = 0;
    for (let n = 0; n < 2; n++) void notifier.wait(first).then(() => notified++);
    const second = await add(2);
    await eventually(() => notified === 2);
    await notifier.wait(first);
    const third = notifier.wait(second);
    await add(3);
    await third;
  });
});

describe('joinDispatchers', () => {
  it('counts dispatchers that have registered recently', async ({ store }) => {
    const join = (owner: string, forMs = 60_000) => joinDispatchers(store, { owner, forMs });
    expect(await join('a')).toBe(1);
    expect(await join('b', 1)).toBe(2);
    await eventually(async () => (await join('a')) === 1);
    expect(await join('b')).toBe(2);
    await leaveDispatchers(store, 'b');
    expect(await join('a')).toBe(1);
  });

  it('does not count one that died before the clock of Redis was set back by an hour', async ({ store, redis }) => {
    const join = (owner: string) => joinDispatchers(store, { owner, forMs: 5_000 });
    await redis.zadd(dispatchersKey(store.namespace), Date.now() + 3_600_000, 'dead', Date.now() + 3_600_000, 'alive');
    await join('alive');
    expect([await join('new'), await join('alive')]).toEqual([2, 2]);
  });
});

async function add(log: Store, vin: string, txid: string): Promise<string> {
  const fields = ['vin', vin, 'topic', 'V', 'txid', txid, 'created', '1', 'received', '2', 'version', ''];
  return (await log.redis.xadd(log.keysOf(vin).records, '*', ...fields, 'payload', Buffer.from([0, 1, 255])))!;
}

/** A subscription of one partition that starts with the first entry. */
async function createSubscription(store: Store, name = 's') {
  const subscriptions = new SubscriptionStore(store);
  await subscriptions.create({ name, origin: 'cli', definition: {} }, { from: 'earliest', nowMs: 1 });
  const control = subscriptions.control(name);
  const place = { store, partition: 0, subscription: name };
  const tryAcquire = (owner: string, leaseMs = 60_000, start = '0-0') =>
    acquireSubscription(place, { owner, leaseMs, start });
  return {
    subscriptions,
    control,
    tryAcquire,
    acquire: async (owner: string, leaseMs?: number, start?: string) => (await tryAcquire(owner, leaseMs, start))!,
    add: (n: number) => add(store, VIN, String(n)),
    /** Has the same effect as the expiry of the lease. */
    expire: () => store.redis.del(store.keys(0).lease(subscriptionLease(name))),
    lag: () => control.lagOf(0),
  };
}
