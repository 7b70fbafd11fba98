// Subscriptions against a real Redis: who may work on one, what taking over finds, and what an operator can do to it.
import { type DisposableRedis, eventually, startRedis } from '@fleetbridge/testing';
import { cleanupAfterEach } from '@fleetbridge/testing/cleanup';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { joinDispatchers, leaveDispatchers } from '../src/lease/dispatchers.js';
import { AppendNotifier } from '../src/log/append-notifier.js';
import { connectRedis, type RedisConnection, whenReady } from '../src/redis/connection.js';
import { LeaseLost } from '../src/redis/errors.js';
import { partitionKeys, partitionOf } from '../src/redis/keys.js';
import { Store } from '../src/redis/store.js';
import { SubscriptionStore } from '../src/subscription/definitions.js';
import { acquireSubscription, type LeasedSubscription, subscriptionLease } from '../src/subscription/leased.js';

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

describe('LeasedSubscription', () => {
  it('gives new entries once, in order, with the end of the stream when there are no more', async () => {
    const { take, add } = await newSubscription();
    const ids = [await add(1), await add(2), await add(3)];
    const work = await take('a');
    expect((await work.readNew(2)).entries.map(({ id }) => id)).toEqual(ids.slice(0, 2));
    expect((await work.readNew(2)).entries.map(({ id, vin, txid }) => [id, vin, txid])).toEqual([[ids[2], VIN, '3']]);
    expect(await work.readNew(2)).toEqual({ entries: [], lastId: ids[2] });
  });

  it('has one owner, and the next one finds all that is pending, in id order, before anything new', async () => {
    const { take, tryTake, add, expire } = await newSubscription();
    const ids = await Promise.all([1, 2, 3, 4, 5].map(add));
    const first = await take('a');
    expect(await tryTake('b')).toBeUndefined();
    await first.readNew(4);
    await first.acknowledge([ids[1]!]);
    await expire();
    const second = await take('b');
    expect(second.epoch).toBeGreaterThan(first.epoch);
    expect((await second.readPending('0-0', 2)).map(({ id }) => id)).toEqual([ids[0], ids[2]]);
    expect((await second.readPending(ids[2]!, 2)).map(({ id }) => id)).toEqual([ids[3]]);
    expect((await second.readNew(9)).entries.map(({ id }) => id)).toEqual([ids[4]]);
  });

  it('refuses everything to an owner that wakes up after its lease has passed on', async () => {
    const { take, add, expire, lag, keys } = await newSubscription();
    const ids = await Promise.all([1, 2, 3].map(add));
    const late = await take('a');
    await late.readNew(2);
    await expire();
    const now = await take('b');
    const before = await lag();
    const attempts = [
      late.acknowledge([ids[0]!]),
      late.readNew(1),
      late.readPending('0-0', 1),
      late.renew(),
      late.reject(ids[0]!, { rejections: 5, maximum: 5, error: 'no', nowMs: 1 }),
      late.reject(ids[0]!, { rejections: 1, maximum: 5, error: 'no', nowMs: 1 }),
      late.redeliveries(),
      late.settleRedelivery('1-0', { nowMs: 1 }),
    ];
    for (const attempt of attempts) await expect(attempt).rejects.toThrow(LeaseLost);
    await late.release();
    expect(await lag()).toMatchObject({ ...before, ageMs: expect.any(Number) });
    expect(await redis.exists(keys.dead('s'), keys.rejections('s'))).toBe(0);
    await now.renew();
    expect((await now.readPending('0-0', 9)).map(({ id }) => id)).toEqual(ids.slice(0, 2));
  });

  it('considers its lease expired by its own clock, counted from before the request', async () => {
    const { take } = await newSubscription();
    const work = await take('a', 40);
    expect(work.isHeld()).toBe(true);
    await eventually(() => !work.isHeld());
    const long = await newSubscription();
    const renewed = await long.take('a', 60_000);
    await renewed.renew();
    expect(renewed.isHeld()).toBe(true);
  });

  it('keeps entries of a lost answer: they are pending after the last id that arrived', async () => {
    const { take, add } = await newSubscription();
    const ids = await Promise.all([1, 2, 3].map(add));
    const work = await take('a');
    const { entries } = await work.readNew(1);
    await work.readNew(2); // as if this answer had never come
    expect((await work.readPending(entries[0]!.id, 9)).map(({ id }) => id)).toEqual(ids.slice(1));
  });

  it('counts rejections across owners and makes the last one a dead letter, with its error', async () => {
    const { take, add, expire, control } = await newSubscription();
    const id = await add(1);
    const first = await take('a');
    await first.readNew(1);
    const rejected = (work: LeasedSubscription, rejections: number) =>
      work.reject(id, { rejections, maximum: 2, error: `no ${rejections}`, nowMs: 77 });
    expect(await rejected(first, 1)).toBe(false);
    await expire();
    const second = await take('b');
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

  it('redelivers dead letters on request: deleted when delivered, stored with the new error when rejected', async () => {
    const { take, add, control } = await newSubscription();
    const work = await take('a');
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

  it('redelivers the oldest of many dead letters first', async () => {
    const { take, add, control } = await newSubscription();
    const work = await take('a');
    const ids = await Promise.all(Array.from({ length: 120 }, (_, n) => add(n)));
    await work.readNew(200);
    for (const id of ids) await work.reject(id, { rejections: 1, maximum: 1, error: 'no', nowMs: 1 });
    const dead = await control.deadLetters(200);
    await control.redeliver(0, dead.map(({ id }) => id).reverse());
    expect((await work.redeliveries()).map(({ entry }) => entry.id)).toEqual(ids.slice(0, 100));
  });

  it('reports pending entries that retention has removed', async () => {
    const { take, add, keys } = await newSubscription();
    const [one, two] = [await add(1), await add(2)];
    const work = await take('a');
    await work.readNew(2);
    await redis.xtrim(keys.records, 'MINID', two);
    const pending = await work.readPending('0-0', 9);
    expect(pending.map(({ id, entry }) => [id, entry?.txid])).toEqual([
      [one, undefined],
      [two, '2'],
    ]);
    expect((await work.load([two, one])).map((entry) => entry?.txid)).toEqual(['2', undefined]);
  });
});

describe('SubscriptionControl', () => {
  it('seeks: the holder loses its lease, and its successor gets exactly the entries after the position', async () => {
    const { take, add, control } = await newSubscription();
    const ids = await Promise.all([1, 2, 3, 4].map(add));
    const before = await take('a');
    await before.readNew(4);
    await before.acknowledge([ids[0]!, ids[3]!]);
    await control.seek(ids[1]!);
    await expect(before.acknowledge([ids[2]!])).rejects.toThrow(LeaseLost);
    const after = await take('a');
    expect(after.epoch).toBeGreaterThan(before.epoch);
    expect(await after.readPending('0-0', 9)).toEqual([]);
    expect((await after.readNew(9)).entries.map(({ id }) => id)).toEqual(ids.slice(2));
    await control.seek('$');
    expect((await (await take('a')).readNew(9)).entries).toEqual([]);
  });

  it('measures the lag: the age of the oldest unacknowledged entry, and how many there are', async () => {
    const { take, add, lag, control } = await newSubscription();
    expect(await lag()).toMatchObject({ records: 0, ageMs: undefined, neededFrom: '0-0', holder: undefined });
    const work = await take('a');
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

  it('counts up to a limit where Redis does not know the number', async () => {
    const { add, take, control, lag, keys } = await newSubscription();
    for (let n = 0; n < 1_200; n++) void add(n);
    const last = await add(1_200);
    const [first] = await redis.xrange(keys.records, '-', '+', 'COUNT', 2).then((found) => found.map(([id]) => id));
    // after a deletion in the middle, XINFO GROUPS does not report the lag
    await redis.xdel(keys.records, last);
    await control.seek(first!);
    await take('a');
    expect(await lag()).toMatchObject({ records: 1_000, isAtLeast: true });
  });

  it('peeks at the next entries without delivering them', async () => {
    const { take, add, control } = await newSubscription();
    const ids = await Promise.all([1, 2, 3, 4].map(add));
    const work = await take('a');
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
  it('creates at the end of the log or with the first entry, in each of four partitions', async () => {
    const namespace = newNamespace();
    const log = storeOf(namespace, 4);
    const store = new SubscriptionStore(log);
    const vins = Array.from({ length: 40 }, (_, n) => `VIN${n}`);
    const addAll = (round: number) =>
      Promise.all(
        vins.map((vin) => add(partitionKeys(namespace, partitionOf(vin, 4)).records, vin, `${vin}-${round}`)),
      );
    await addAll(1);
    const definition = { any: 'thing' };
    expect(await store.create({ name: 'now', origin: 'cli', definition }, { from: 'now', nowMs: 5 })).toBe(true);
    expect(await store.create({ name: 'all', origin: 'file', definition }, { from: 'earliest', nowMs: 5 })).toBe(true);
    expect(await store.create({ name: 'all', origin: 'cli', definition }, { from: 'now', nowMs: 6 })).toBe(false);
    await addAll(2);
    const read = async (name: string) => {
      const { start } = (await store.get(name))!;
      const lists = start.map(async (from, partition) => {
        const place = { store: log, partition, subscription: name };
        const work = await acquireSubscription(place, { owner: 'a', leaseMs: 60_000, start: from });
        return (await work!.readNew(1_000)).entries.map(({ txid }) => txid);
      });
      return (await Promise.all(lists)).flat().sort();
    };
    expect(await read('now')).toEqual(vins.map((vin) => `${vin}-2`).sort());
    expect(await read('all')).toEqual(vins.flatMap((vin) => [`${vin}-1`, `${vin}-2`]).sort());
    expect((await store.control('now').lag()).map(({ pending }) => pending > 0)).toEqual([true, true, true, true]);
  });

  it('created by two processes at once is created by one, whose groups and leases stay', async () => {
    const log = storeOf(newNamespace(), 2);
    const wanted = { name: 's', origin: 'cli' as const, definition: {} };
    const winner = new SubscriptionStore(log);
    let held: LeasedSubscription | undefined;
    // the first process creates it, and a dispatcher acquires it, right after the second has found no subscription
    const late: RedisConnection = Object.assign(Object.create(redis), {
      hexists: async (key: string, name: string) => {
        const found = await redis.hexists(key, name);
        expect(await winner.create(wanted, { from: 'earliest', nowMs: 1 })).toBe(true);
        const place = { store: log, partition: 0, subscription: 's' };
        held = await acquireSubscription(place, { owner: 'a', leaseMs: 60_000, start: '0-0' });
        return found;
      },
    });
    const loser = new SubscriptionStore(
      new Store({ redis: late, url: log.url, namespace: log.namespace, partitions: 2 }),
    );
    expect(await loser.create(wanted, { from: 'now', nowMs: 2 })).toBe(false);
    await held!.renew();
    for (const partition of [0, 1]) {
      const groups = (await redis.xinfo('GROUPS', log.keys(partition).records)) as string[][];
      expect(groups.map((facts) => facts[1])).toEqual(['s']);
    }
  });

  it('created by many processes at once is created by one', async () => {
    const log = storeOf(newNamespace(), 4);
    const wanted = { name: 's', origin: 'cli' as const, definition: {} };
    for (let round = 0; round < 10; round++) {
      const stores = Array.from({ length: 8 }, () => new SubscriptionStore(log));
      const created = await Promise.all(stores.map((store) => store.create(wanted, { from: 'now', nowMs: round })));
      expect(created.filter(Boolean)).toHaveLength(1);
      const groups = await log.eachPartition(({ records }) => redis.xinfo('GROUPS', records));
      expect(groups.map((list) => (list as unknown[]).length)).toEqual([1, 1, 1, 1]);
      await stores[0]!.delete('s');
    }
  });

  it('lists, pauses, redefines and deletes', async () => {
    const store = new SubscriptionStore(storeOf(newNamespace()));
    await store.create({ name: 'b', origin: 'cli', definition: 1 }, { from: 'now', nowMs: 5 });
    await store.create({ name: 'a', origin: 'file', definition: 2 }, { from: 'now', nowMs: 6 });
    await store.setPaused('a', 'not_in_file');
    await store.redefine((await store.get('b'))!, 3);
    await store.setVerdict('b', ['wrong']);
    expect(await store.verdict('b')).toEqual(['wrong']);
    expect(await store.list()).toEqual([
      { name: 'a', origin: 'file', definition: 2, createdMs: 6, start: ['0-0'], paused: 'not_in_file' },
      { name: 'b', origin: 'cli', definition: 3, createdMs: 5, start: ['0-0'], paused: undefined },
    ]);
    await store.setPaused('a', undefined);
    expect((await store.get('a'))?.paused).toBeUndefined();
    await store.delete('b');
    expect((await store.list()).map(({ name }) => name)).toEqual(['a']);
    expect(await store.verdict('b')).toBeUndefined();
  });

  it('keeps nothing of a deleted subscription in a new one of the same name', async () => {
    const { take, add, store, control } = await newSubscription();
    const id = await add(1);
    const work = await take('a');
    await work.readNew(1);
    await work.reject(id, { rejections: 1, maximum: 1, error: 'no', nowMs: 1 });
    await add(2);
    await store.delete('s');
    await expect(work.readNew(1)).rejects.toThrow(LeaseLost);
    await store.create({ name: 's', origin: 'cli', definition: {} }, { from: 'now', nowMs: 1 });
    expect(await control.deadLetters(9)).toEqual([]);
    const start = (await store.get('s'))!.start[0]!;
    expect((await (await take('a', 60_000, start)).readNew(9)).entries).toEqual([]);
  });
});

describe('AppendNotifier', () => {
  it('wakes all waiting readers on an append, and readers that are behind immediately', async () => {
    const { log, add } = await newSubscription();
    const waker = new AppendNotifier({ store: log, partition: 0 });
    cleanUp.push(() => waker.stop());
    const first = await add(1);
    let woken = 0;
    for (let n = 0; n < 2; n++) void waker.wait(first).then(() => woken++);
    const second = await add(2);
    await eventually(() => woken === 2);
    await waker.wait(first);
    const third = waker.wait(second);
    await add(3);
    await third;
  });
});

describe('joinDispatchers', () => {
  it('counts dispatchers that have registered recently', async () => {
    const store = storeOf(newNamespace());
    const join = (owner: string, forMs = 60_000) => joinDispatchers(store, { owner, forMs });
    expect(await join('a')).toBe(1);
    expect(await join('b', 1)).toBe(2);
    await eventually(async () => (await join('a')) === 1);
    expect(await join('b')).toBe(2);
    await leaveDispatchers(store, 'b');
    expect(await join('a')).toBe(1);
  });
});

const VIN = '5YJ3E1EA7KF000001';

function newNamespace(): string {
  return `subscription-test-${namespaces++}`;
}

function storeOf(namespace: string, partitions = 1): Store {
  return new Store({ redis, url: server.url, namespace, partitions });
}

async function add(records: string, vin: string, txid: string): Promise<string> {
  const fields = ['vin', vin, 'topic', 'V', 'txid', txid, 'created', '1', 'received', '2', 'version', ''];
  return (await redis.xadd(records, '*', ...fields, 'payload', Buffer.from([0, 1, 255])))!;
}

/** A subscription `s` of one partition that begins with the first entry. */
async function newSubscription() {
  const namespace = newNamespace();
  const keys = partitionKeys(namespace, 0);
  const log = storeOf(namespace);
  const store = new SubscriptionStore(log);
  await store.create({ name: 's', origin: 'cli', definition: {} }, { from: 'earliest', nowMs: 1 });
  const control = store.control('s');
  const place = { store: log, partition: 0, subscription: 's' };
  const tryTake = (owner: string, leaseMs = 60_000, start = '0-0') =>
    acquireSubscription(place, { owner, leaseMs, start });
  return {
    log,
    keys,
    store,
    control,
    tryTake,
    take: async (owner: string, leaseMs?: number, start?: string) => (await tryTake(owner, leaseMs, start))!,
    add: (n: number) => add(keys.records, VIN, String(n)),
    /** What the expiry does. */
    expire: () => redis.del(keys.lease(subscriptionLease('s'))),
    lag: () => control.lagOf(0),
  };
}
