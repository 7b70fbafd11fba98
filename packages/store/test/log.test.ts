// Layout, tail, snapshots, retention, tokens and quarantine against a real Redis.
import { eventually, startRedis } from '@fleetbridge/testing';
import { describe, expect } from 'vitest';
import { TokenStore } from '../src/admin/token-store.js';
import { acquireLease } from '../src/lease/lease.js';
import { trimDelivered } from '../src/log/delivered-retention.js';
import type { LogEntry } from '../src/log/entry.js';
import { Quarantine } from '../src/log/quarantine.js';
import { logClock, storeRetentionPass, trimPartition } from '../src/log/retention.js';
import { LogTail, type TailOptions } from '../src/log/tail.js';
import { whenReady } from '../src/redis/connection.js';
import { LayoutMismatch, LeaseLost } from '../src/redis/errors.js';
import { crc16, layoutKey, partitionOf } from '../src/redis/keys.js';
import { agreeOnLayout, agreeOnLayoutWhenReady, tooOld } from '../src/redis/layout.js';
import { Store } from '../src/redis/store.js';
import { SnapshotStore } from '../src/snapshot/snapshot-store.js';
import { it } from '../src/testing/index.js';
import { connectTo } from './appender-test.js';

describe('partitionOf', () => {
  it("is Redis Cluster's CRC16", () => {
    expect(crc16('123456789')).toBe(0x31c3);
    expect(partitionOf('123456789', 8)).toBe(0x31c3 % 8);
    expect(partitionOf('123456789', 1)).toBe(0);
  });
});

describe('agreeOnLayout', () => {
  it('writes the first layout and accepts the same again', async ({ redis, store, namespace }) => {
    const log = new Store({ ...store, partitions: 4 });
    await agreeOnLayout(log);
    await agreeOnLayout(log);
    expect(JSON.parse((await redis.get(layoutKey(namespace)))!)).toEqual({ schema: 1, partitions: 4 });
  });

  it('reports what to do when the number of partitions or the schema differs', async ({ redis, store, namespace }) => {
    const log = new Store({ ...store, partitions: 4 });
    await agreeOnLayout(log);
    await expect(agreeOnLayout(store)).rejects.toThrow(/set PARTITIONS=4/);
    await redis.set(layoutKey(namespace), '{"schema":99,"partitions":4}');
    await expect(agreeOnLayout(log)).rejects.toThrow(LayoutMismatch);
    await redis.set(layoutKey(namespace), 'something else');
    await expect(agreeOnLayout(log)).rejects.toThrow(/NAMESPACE/);
  });

  it.each([
    ['6.2.14', '6.2.14'],
    ['7.0.15', undefined],
    ['10.1.0', undefined],
  ])('detects whether Redis %s is too old', (version, expected) => {
    expect(tooOld(`# Server\r\nredis_version:${version}\r\nredis_mode:standalone\r\n`)).toBe(expected);
  });

  it('fails immediately when Redis is too old, instead of waiting', async ({ redis, store }) => {
    const old = { ping: () => redis.ping(), info: async () => 'redis_version:6.0.16\r\n' };
    const agreed = agreeOnLayoutWhenReady(
      new Store({ ...store, redis: Object.assign(Object.create(redis), old) }),
      new AbortController().signal,
    );
    await expect(agreed).rejects.toThrow(/Redis 6.0.16 is too old: 7.0/);
  });
});

describe('LogTail', () => {
  it('delivers existing and new entries in order, each once', async ({ store, cleanup }) => {
    const add = adder(store);
    for (let n = 0; n < 2_500; n++) add(n);
    const received = follow(store, cleanup, { from: '0-0' });
    await eventually(() => received.length === 2_500);
    await add(2_500);
    await eventually(() => received.length === 2_501);
    expect(received.map(({ txid }) => Number(txid))).toEqual(Array.from({ length: 2_501 }, (_, n) => n));
  });

  it('starts after its cursor', async ({ store, cleanup }) => {
    const add = adder(store);
    await add(0);
    const cursor = await add(1);
    await add(2);
    const received = follow(store, cleanup, { from: cursor! });
    await eventually(() => received.length === 1);
    expect(received[0]?.txid).toBe('2');
  });

  it('begins again with the first entry of a new log, whose ids can be lower', async ({ store, redis, cleanup }) => {
    const { records } = store.keys(0);
    for (let n = 1; n <= 3; n++) await redis.xadd(records, `${100 + n}-0`, 'txid', `old-${n}`);
    const received: string[] = [];
    const tail = new LogTail({
      store,
      partition: 0,
      from: '0-0',
      onEntry: ({ txid }) => void received.push(txid),
      onSkipped: ({ error }) => expect.unreachable(String(error)),
    });
    tail.start();
    cleanup.push(() => tail.stop());
    await tail.caughtUp;
    await redis.del(records);
    for (let n = 1; n <= 3; n++) await redis.xadd(records, `${n}-0`, 'txid', `new-${n}`);
    tail.restart();
    await tail.caughtUp;
    await redis.xadd(records, '4-0', 'txid', 'new-4');
    await eventually(() => received.length === 7);
    expect(received.slice(3)).toEqual(['new-1', 'new-2', 'new-3', 'new-4']);
  });

  it('continues at its position after Redis was killed', async ({ store, cleanup }) => {
    const own = await startRedis();
    const connection = await connectTo(own, cleanup);
    const log = new Store({ ...store, redis: connection, url: own.url });
    const add = adder(log);
    await add(0);
    const states: string[] = [];
    const received = follow(log, cleanup, {
      from: '0-0',
      onTrouble: () => states.push('trouble'),
      onRecovered: () => states.push('recovered'),
    });
    await eventually(() => received.length === 1);
    await own.kill();
    await eventually(() => states.includes('trouble'));
    await own.start();
    await whenReady(connection, 5_000);
    await add(1);
    await eventually(() => received.length === 2);
    expect(states).toEqual(['trouble', 'recovered']);
  });

  it('skips and reports an entry that cannot be processed, and processes the next ones once', async ({
    store,
    cleanup,
  }) => {
    const add = adder(store);
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) ids.push((await add(n))!);
    const skipped: unknown[] = [];
    const states: string[] = [];
    const received: string[] = [];
    follow(store, cleanup, {
      onEntry: ({ txid }) => {
        if (txid === '1') throw new Error('bad entry');
        received.push(txid);
      },
      onSkipped: ({ entry, error }) => skipped.push([entry.id, (error as Error).message]),
      onTrouble: () => states.push('trouble'),
    });
    await eventually(() => received.length === 4);
    await add(5);
    await eventually(() => received.length === 5);
    expect(received).toEqual(['0', '2', '3', '4', '5']);
    expect(skipped).toEqual([[ids[1], 'bad entry']]);
    expect(states).toEqual([]);
  });

  it('reads entries again when the preparation of their processing fails', async ({ store, cleanup }) => {
    const add = adder(store);
    await add(0);
    await add(1);
    let failures = 2;
    const states: string[] = [];
    const received = follow(store, cleanup, {
      prepare: () => (failures-- > 0 ? Promise.reject(new Error('connection lost')) : Promise.resolve()),
      onTrouble: () => states.push('trouble'),
      onRecovered: () => states.push('recovered'),
    });
    await eventually(() => received.length === 2);
    expect(received.map(({ txid }) => txid)).toEqual(['0', '1']);
    expect(states).toEqual(['trouble', 'recovered']);
  });

  it('reports a gap when entries after its cursor have been trimmed', async ({ redis, store, cleanup }) => {
    const add = adder(store);
    const cursor = await add(0);
    await add(1);
    const kept = await add(2);
    await redis.xtrim(store.keys(0).records, 'MINID', kept!);
    const gaps: unknown[] = [];
    const received = follow(store, cleanup, { from: cursor!, onGap: (gap) => gaps.push(gap) });
    await eventually(() => received.length === 1);
    expect(gaps).toEqual([{ cursor, firstKept: kept }]);
  });
});

describe('SnapshotStore', () => {
  it('writes readings and cursor together, and rejects an older cursor', async ({ store }) => {
    const { snapshots, lease } = await openSnapshots(store);
    await snapshots.commit(0, { lease, cursor: '9-1', changes: new Map([['VIN1', { Soc: '[1]', Gear: '[2]' }]]) });
    await snapshots.commit(0, { lease, cursor: '10-0', changes: new Map([['VIN1', { Soc: '[3]' }]]) });
    expect(await snapshots.read('VIN1')).toEqual({ cursor: '10-0', hash: { Soc: '[3]', Gear: '[2]' } });
    await expect(
      snapshots.commit(0, { lease, cursor: '10-0', changes: new Map([['VIN1', { Soc: '[4]' }]]) }),
    ).rejects.toThrow(LeaseLost);
    await expect(
      snapshots.commit(0, { lease, cursor: '9-99', changes: new Map([['VIN1', { Soc: '[4]' }]]) }),
    ).rejects.toThrow(LeaseLost);
    expect((await snapshots.read('VIN1')).hash.Soc).toBe('[3]');
    expect(await snapshots.vins()).toEqual(['VIN1']);
  });

  it('reads selected readings, and omits unknown ones', async ({ store }) => {
    const { snapshots, lease } = await openSnapshots(store);
    await snapshots.commit(0, {
      lease,
      cursor: '1-0',
      changes: new Map([['VIN1', { Soc: '[1]', Gear: '[2]', A: '[3]' }]]),
    });
    expect(await snapshots.readings('VIN1', ['Gear', 'B', 'Soc'])).toEqual({ Gear: '[2]', Soc: '[1]' });
    expect(await snapshots.readings('VIN2', ['Gear'])).toEqual({});
    expect(await snapshots.vinsIn(0)).toEqual(['VIN1']);
  });

  it('rejects a writer that has lost its lease', async ({ redis, store }) => {
    const { snapshots, lease } = await openSnapshots(store);
    await redis.set(store.keys(0).lease('snapshot'), 'another 7');
    await expect(
      snapshots.commit(0, { lease, cursor: '9-1', changes: new Map([['VIN1', { Soc: '[1]' }]]) }),
    ).rejects.toThrow(LeaseLost);
    expect(await snapshots.read('VIN1')).toEqual({ cursor: '0-0', hash: {} });
  });

  it('writes thousands of readings of a vehicle at once', async ({ store }) => {
    const { snapshots, lease } = await openSnapshots(store);
    const readings = Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`Signal${n}`, String(n)]));
    await snapshots.commit(0, { lease, cursor: '1-0', changes: new Map([['VIN1', readings]]) });
    expect((await snapshots.read('VIN1')).hash).toEqual(readings);
  });
});

describe('trimDelivered', () => {
  it('removes what has been delivered, at most a tenth per pass, and keeps the newest 15 minutes', async ({
    store,
    redis,
  }) => {
    const { length } = await fillLog(store, 5_000);
    const { records } = store.keys(0);
    const trim = (deliveredUpTo: string) => trimDelivered(store, { partition: 0, deliveredUpTo });
    expect(await trim('5000-0')).toBe(0);
    for (let n = 0; n < 200; n++) await redis.xadd(records, `${903_000 + n}-0`, 'vin', 'VIN1');
    expect(await trim('2000-0')).toBeLessThanOrEqual(520);
    for (let pass = 0; pass < 10; pass++) await trim('2000-0');
    expect(await length()).toBeGreaterThanOrEqual(3_200);
    expect(await length()).toBeLessThanOrEqual(3_301);
    // the newest entry is 900,199 ms younger than what it keeps
    for (let pass = 0; pass < 20; pass++) await trim('903199-0');
    expect(await length()).toBeGreaterThanOrEqual(2_000);
    expect(await length()).toBeLessThanOrEqual(2_101);
  });

  it('does nothing in an empty log', async ({ store }) => {
    expect(await trimDelivered(store, { partition: 0, deliveredUpTo: '5-0' })).toBe(0);
  });
});

describe('trimPartition', () => {
  it('removes old entries, at most about a tenth per pass', async ({ store }) => {
    const { trim, length } = await fillLog(store, 5_000);
    const removed = await trim({ hours: 1, entries: 1_000_000, deliveredUpTo: '0-0', redisMs: 5_000 + 2 * 3_600_000 });
    expect(removed).toBeGreaterThan(0);
    expect(removed).toBeLessThanOrEqual(500);
    expect(await length()).toBe(5_000 - removed);
    expect(store.namespace).toBeDefined();
  });

  it('trims to the number of entries, but keeps entries that have not been delivered', async ({ store }) => {
    const { trim, length } = await fillLog(store, 5_000);
    for (let pass = 0; pass < 50; pass++)
      await trim({ hours: 1, entries: 1_000, deliveredUpTo: '2000-0', redisMs: 5_000 });
    // whole nodes only: up to a hundred entries more are kept
    expect(await length()).toBeGreaterThanOrEqual(3_001);
    expect(await length()).toBeLessThanOrEqual(3_101);
    for (let pass = 0; pass < 50; pass++)
      await trim({ hours: 1, entries: 1_000, deliveredUpTo: '5000-0', redisMs: 5_000 });
    expect(await length()).toBeGreaterThanOrEqual(1_000);
    expect(await length()).toBeLessThanOrEqual(1_100);
  });

  it('removes nothing for its age without a clock, and still trims to the number of entries', async ({ store }) => {
    const { trim, length } = await fillLog(store, 5_000);
    expect(await trim({ hours: 1, entries: 5_000, deliveredUpTo: '5000-0', redisMs: undefined })).toBe(0);
    expect(await trim({ hours: 1, entries: 4_000, deliveredUpTo: '5000-0', redisMs: undefined })).toBeGreaterThan(0);
    expect(await length()).toBeGreaterThanOrEqual(4_000);
  });
});

describe('logClock', () => {
  it('reads the clock of Redis, the newest entry id and the last pass', async ({ store, redis }) => {
    expect(await logClock(store, 0)).toMatchObject({ newestMs: 0, lastPassMs: undefined });
    const { records } = store.keys(0);
    await redis.xadd(records, '5000-3', 'n', '1');
    await redis.xdel(records, '5000-3');
    await storeRetentionPass(store, 0, 1_784_000_000_123);
    const { redisMs, ...rest } = await logClock(store, 0);
    expect(rest).toEqual({ newestMs: 5_000, lastPassMs: 1_784_000_000_123 });
    const [seconds] = await redis.time();
    expect(Math.abs(redisMs - Number(seconds) * 1_000)).toBeLessThan(5_000);
  });
});

describe('TokenStore', () => {
  it('stores only the hash of a token, and accepts the token until it is revoked', async ({
    redis,
    store,
    namespace,
  }) => {
    const tokens = new TokenStore(store);
    const { token, grant } = await tokens.create({ vin: 'VIN1', label: 'home', nowMs: 1 });
    expect(await tokens.grantOf(token)).toEqual(grant);
    expect(await tokens.grantOf(`${token}x`)).toBeUndefined();
    expect(JSON.stringify(await redis.hgetall(`${namespace}:tokens`))).not.toContain(token);
    expect(await tokens.list()).toEqual([grant]);
    expect(await tokens.revoke(grant.id)).toBe(true);
    expect(await tokens.revoke(grant.id)).toBe(false);
    expect(await tokens.grantOf(token)).toBeUndefined();
  });
});

describe('Quarantine', () => {
  it('keeps the newest messages and is bounded', async ({ redis, store }) => {
    const quarantine = new Quarantine(store);
    for (let n = 0; n < 1_500; n++)
      void quarantine.add({ vin: 'VIN1', reason: 'unknown_topic', receivedMs: n, bytes: Buffer.from([n & 255]) });
    await quarantine.add({ vin: 'VIN1', reason: 'last', receivedMs: 1_500, bytes: Buffer.from('x') });
    const key = store.keys(0).quarantine;
    expect(await redis.xlen(key)).toBeLessThanOrEqual(1_100);
    expect((await redis.xrevrange(key, '+', '-', 'COUNT', 1))[0]?.[1]).toContain('last');
  });
});

/** Appends entries with the txids that it is called with. */
function adder(store: Store) {
  const { records } = store.keys(0);
  return (n: number) => store.redis.xadd(records, '*', 'txid', String(n));
}

function follow(store: Store, cleanup: (() => unknown)[], options: Partial<TailOptions>): LogEntry[] {
  const received: LogEntry[] = [];
  const tail = new LogTail({
    store,
    partition: 0,
    from: '0-0',
    onEntry: (entry) => void received.push(entry),
    onSkipped: ({ error }) => expect.unreachable(String(error)),
    ...options,
  });
  tail.start();
  cleanup.push(() => tail.stop());
  return received;
}

async function openSnapshots(store: Store) {
  const lease = await acquireLease(store, { partition: 0, name: 'snapshot', owner: 'a', leaseMs: 60_000 });
  return { snapshots: new SnapshotStore(store), lease: lease! };
}

/** Entry n has the id n-0: one entry per millisecond. */
async function fillLog(store: Store, entries: number) {
  const { redis } = store;
  const { records } = store.keys(0);
  const pipeline = redis.pipeline();
  for (let n = 1; n <= entries; n++) pipeline.xadd(records, `${n}-0`, 'n', String(n));
  await pipeline.exec();
  return {
    length: () => redis.xlen(records),
    trim: (limits: { hours: number; entries: number; deliveredUpTo: string; redisMs: number | undefined }) =>
      trimPartition(store, { partition: 0, ...limits }),
  };
}
