// Layout, tail, snapshots, retention, tokens and quarantine against a real Redis.
import { type DisposableRedis, eventually, startRedis } from '@fleetbridge/testing';
import { cleanupAfterEach } from '@fleetbridge/testing/cleanup';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TokenStore } from '../src/admin/token-store.js';
import { acquireLease } from '../src/lease/lease.js';
import type { LogEntry } from '../src/log/entry.js';
import { Quarantine } from '../src/log/quarantine.js';
import { trimPartition } from '../src/log/retention.js';
import { LogTail, type TailOptions } from '../src/log/tail.js';
import { connectRedis, type RedisConnection, whenReady } from '../src/redis/connection.js';
import { LayoutMismatch, LeaseLost } from '../src/redis/errors.js';
import { crc16, layoutKey, partitionKeys, partitionOf } from '../src/redis/keys.js';
import { agreeOnLayout, agreeOnLayoutWhenReady, tooOld } from '../src/redis/layout.js';
import { Store } from '../src/redis/store.js';
import { SnapshotStore } from '../src/snapshot/snapshot-store.js';

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

describe('partitionOf', () => {
  it("is Redis Cluster's CRC16", () => {
    expect(crc16('123456789')).toBe(0x31c3);
    expect(partitionOf('123456789', 8)).toBe(0x31c3 % 8);
    expect(partitionOf('123456789', 1)).toBe(0);
  });
});

describe('agreeOnLayout', () => {
  it('writes the first layout and accepts the same again', async () => {
    const namespace = newNamespace();
    await agreeOnLayout(storeOf(namespace, 4));
    await agreeOnLayout(storeOf(namespace, 4));
    expect(JSON.parse((await redis.get(layoutKey(namespace)))!)).toEqual({ schema: 1, partitions: 4 });
  });

  it('reports what to do when the number of partitions or the schema differs', async () => {
    const namespace = newNamespace();
    await agreeOnLayout(storeOf(namespace, 4));
    await expect(agreeOnLayout(storeOf(namespace))).rejects.toThrow(/set PARTITIONS=4/);
    await redis.set(layoutKey(namespace), '{"schema":99,"partitions":4}');
    await expect(agreeOnLayout(storeOf(namespace, 4))).rejects.toThrow(LayoutMismatch);
    await redis.set(layoutKey(namespace), 'something else');
    await expect(agreeOnLayout(storeOf(namespace, 4))).rejects.toThrow(/NAMESPACE/);
  });

  it.each([
    ['6.2.14', '6.2.14'],
    ['7.0.15', undefined],
    ['10.1.0', undefined],
  ])('detects whether Redis %s is too old', (version, expected) => {
    expect(tooOld(`# Server\r\nredis_version:${version}\r\nredis_mode:standalone\r\n`)).toBe(expected);
  });

  it('fails immediately when Redis is too old, instead of waiting', async () => {
    const old = { ping: () => redis.ping(), info: async () => 'redis_version:6.0.16\r\n' };
    const agreed = agreeOnLayoutWhenReady(
      storeOf('old', 1, Object.assign(Object.create(redis), old)),
      new AbortController().signal,
    );
    await expect(agreed).rejects.toThrow(/Redis 6.0.16 is too old: 7.0/);
  });
});

describe('LogTail', () => {
  it('delivers existing and new entries in order, each once', async () => {
    const { namespace, add } = newLog();
    for (let n = 0; n < 2_500; n++) add(n);
    const seen = tail(namespace, { from: '0-0' });
    await eventually(() => seen.length === 2_500);
    await add(2_500);
    await eventually(() => seen.length === 2_501);
    expect(seen.map(({ txid }) => Number(txid))).toEqual(Array.from({ length: 2_501 }, (_, n) => n));
  });

  it('starts after its cursor', async () => {
    const { namespace, add } = newLog();
    await add(0);
    const cursor = await add(1);
    await add(2);
    const seen = tail(namespace, { from: cursor! });
    await eventually(() => seen.length === 1);
    expect(seen[0]?.txid).toBe('2');
  });

  it('continues at its position after Redis was killed', async () => {
    const own = await startRedis();
    cleanUp.push(() => own.stop());
    const connection = connectRedis({ url: own.url, name: 'test' });
    cleanUp.push(() => connection.disconnect());
    await whenReady(connection, 5_000);
    const { namespace, add } = newLog(connection);
    await add(0);
    const states: string[] = [];
    const seen = tail(namespace, {
      store: new Store({ redis: connection, url: own.url, namespace, partitions: 1 }),
      from: '0-0',
      onTrouble: () => states.push('trouble'),
      onRecovered: () => states.push('recovered'),
    });
    await eventually(() => seen.length === 1);
    await own.kill();
    await eventually(() => states.includes('trouble'));
    await own.start();
    await whenReady(connection, 5_000);
    await add(1);
    await eventually(() => seen.length === 2);
    expect(states).toEqual(['trouble', 'recovered']);
  });

  it('skips an entry that can not be processed, reports it, and processes the next ones once', async () => {
    const { namespace, add } = newLog();
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) ids.push((await add(n))!);
    const skipped: unknown[] = [];
    const states: string[] = [];
    const seen: string[] = [];
    tail(namespace, {
      onEntry: ({ txid }) => {
        if (txid === '1') throw new Error('bad entry');
        seen.push(txid);
      },
      onSkipped: ({ entry, error }) => skipped.push([entry.id, (error as Error).message]),
      onTrouble: () => states.push('trouble'),
    });
    await eventually(() => seen.length === 4);
    await add(5);
    await eventually(() => seen.length === 5);
    expect(seen).toEqual(['0', '2', '3', '4', '5']);
    expect(skipped).toEqual([[ids[1], 'bad entry']]);
    expect(states).toEqual([]);
  });

  it('reads entries again while Redis does not give what their processing needs', async () => {
    const { namespace, add } = newLog();
    await add(0);
    await add(1);
    let failures = 2;
    const states: string[] = [];
    const seen = tail(namespace, {
      prepare: () => (failures-- > 0 ? Promise.reject(new Error('connection lost')) : Promise.resolve()),
      onTrouble: () => states.push('trouble'),
      onRecovered: () => states.push('recovered'),
    });
    await eventually(() => seen.length === 2);
    expect(seen.map(({ txid }) => txid)).toEqual(['0', '1']);
    expect(states).toEqual(['trouble', 'recovered']);
  });

  it('reports a gap when entries after its cursor have been trimmed', async () => {
    const { namespace, add } = newLog();
    const cursor = await add(0);
    await add(1);
    const kept = await add(2);
    await redis.xtrim(partitionKeys(namespace, 0).records, 'MINID', kept!);
    const gaps: unknown[] = [];
    const seen = tail(namespace, { from: cursor!, onGap: (gap) => gaps.push(gap) });
    await eventually(() => seen.length === 1);
    expect(gaps).toEqual([{ cursor, firstKept: kept }]);
  });
});

describe('SnapshotStore', () => {
  it('writes readings and cursor together, and never goes back', async () => {
    const { store, lease } = await newStore();
    await store.commit(0, { lease, cursor: '9-1', changes: new Map([['VIN1', { Soc: '[1]', Gear: '[2]' }]]) });
    await store.commit(0, { lease, cursor: '10-0', changes: new Map([['VIN1', { Soc: '[3]' }]]) });
    expect(await store.read('VIN1')).toEqual({ cursor: '10-0', hash: { Soc: '[3]', Gear: '[2]' } });
    await expect(
      store.commit(0, { lease, cursor: '10-0', changes: new Map([['VIN1', { Soc: '[4]' }]]) }),
    ).rejects.toThrow(LeaseLost);
    await expect(
      store.commit(0, { lease, cursor: '9-99', changes: new Map([['VIN1', { Soc: '[4]' }]]) }),
    ).rejects.toThrow(LeaseLost);
    expect((await store.read('VIN1')).hash.Soc).toBe('[3]');
    expect(await store.vins()).toEqual(['VIN1']);
  });

  it('reads single readings, and leaves out unknown ones', async () => {
    const { store, lease } = await newStore();
    await store.commit(0, {
      lease,
      cursor: '1-0',
      changes: new Map([['VIN1', { Soc: '[1]', Gear: '[2]', A: '[3]' }]]),
    });
    expect(await store.readings('VIN1', ['Gear', 'B', 'Soc'])).toEqual({ Gear: '[2]', Soc: '[1]' });
    expect(await store.readings('VIN2', ['Gear'])).toEqual({});
    expect(await store.vinsIn(0)).toEqual(['VIN1']);
  });

  it('rejects a writer that has lost its lease', async () => {
    const { store, lease, namespace } = await newStore();
    await redis.set(partitionKeys(namespace, 0).lease('snapshot'), 'another 7');
    await expect(
      store.commit(0, { lease, cursor: '9-1', changes: new Map([['VIN1', { Soc: '[1]' }]]) }),
    ).rejects.toThrow(LeaseLost);
    expect(await store.read('VIN1')).toEqual({ cursor: '0-0', hash: {} });
  });

  it('writes thousands of readings of a vehicle at once', async () => {
    const { store, lease } = await newStore();
    const readings = Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`Signal${n}`, String(n)]));
    await store.commit(0, { lease, cursor: '1-0', changes: new Map([['VIN1', readings]]) });
    expect((await store.read('VIN1')).hash).toEqual(readings);
  });
});

describe('trimPartition', () => {
  it('removes old entries, at most about a tenth per pass', async () => {
    const { namespace, trim, length } = await filledLog(5_000);
    const removed = await trim({ hours: 1, entries: 1_000_000, deliveredUpTo: '0-0', nowMs: 5_000 + 2 * 3_600_000 });
    expect(removed).toBeGreaterThan(0);
    expect(removed).toBeLessThanOrEqual(500);
    expect(await length()).toBe(5_000 - removed);
    expect(namespace).toBeDefined();
  });

  it('trims to the number of entries, but keeps entries that a reader still needs', async () => {
    const { trim, length } = await filledLog(5_000);
    for (let pass = 0; pass < 50; pass++)
      await trim({ hours: 1, entries: 1_000, deliveredUpTo: '2000-0', nowMs: 5_000 });
    // whole nodes only: up to a hundred entries more are kept
    expect(await length()).toBeGreaterThanOrEqual(3_001);
    expect(await length()).toBeLessThanOrEqual(3_101);
    for (let pass = 0; pass < 50; pass++)
      await trim({ hours: 1, entries: 1_000, deliveredUpTo: '5000-0', nowMs: 5_000 });
    expect(await length()).toBeGreaterThanOrEqual(1_000);
    expect(await length()).toBeLessThanOrEqual(1_100);
  });
});

describe('TokenStore', () => {
  it('stores only the hash of a token, and accepts the token until it is revoked', async () => {
    const namespace = newNamespace();
    const store = new TokenStore(storeOf(namespace));
    const { token, grant } = await store.create({ vin: 'VIN1', label: 'home', nowMs: 1 });
    expect(await store.grantOf(token)).toEqual(grant);
    expect(await store.grantOf(`${token}x`)).toBeUndefined();
    expect(JSON.stringify(await redis.hgetall(`${namespace}:tokens`))).not.toContain(token);
    expect(await store.list()).toEqual([grant]);
    expect(await store.revoke(grant.id)).toBe(true);
    expect(await store.revoke(grant.id)).toBe(false);
    expect(await store.grantOf(token)).toBeUndefined();
  });
});

describe('Quarantine', () => {
  it('keeps the newest messages and is bounded', async () => {
    const namespace = newNamespace();
    const quarantine = new Quarantine(storeOf(namespace));
    for (let n = 0; n < 1_500; n++)
      void quarantine.add({ vin: 'VIN1', reason: 'unknown_topic', receivedMs: n, bytes: Buffer.from([n & 255]) });
    await quarantine.add({ vin: 'VIN1', reason: 'last', receivedMs: 1_500, bytes: Buffer.from('x') });
    const key = partitionKeys(namespace, 0).quarantine;
    expect(await redis.xlen(key)).toBeLessThanOrEqual(1_100);
    expect((await redis.xrevrange(key, '+', '-', 'COUNT', 1))[0]?.[1]).toContain('last');
  });
});

function newNamespace(): string {
  return `log-test-${namespaces++}`;
}

function storeOf(namespace: string, partitions = 1, connection = redis): Store {
  return new Store({ redis: connection, url: server.url, namespace, partitions });
}

function newLog(connection = redis) {
  const namespace = newNamespace();
  const { records } = partitionKeys(namespace, 0);
  return { namespace, add: (n: number) => connection.xadd(records, '*', 'txid', String(n)) };
}

function tail(namespace: string, options: Partial<TailOptions>): LogEntry[] {
  const seen: LogEntry[] = [];
  const started = new LogTail({
    store: storeOf(namespace),
    partition: 0,
    from: '0-0',
    onEntry: (entry) => void seen.push(entry),
    onSkipped: ({ error }) => expect.unreachable(String(error)),
    ...options,
  });
  started.start();
  cleanUp.push(() => started.stop());
  return seen;
}

async function newStore() {
  const namespace = newNamespace();
  const store = storeOf(namespace);
  const lease = await acquireLease(store, { partition: 0, name: 'snapshot', owner: 'a', leaseMs: 60_000 });
  return { namespace, lease: lease!, store: new SnapshotStore(store) };
}

/** Entry n has the id n-0: one entry per millisecond. */
async function filledLog(entries: number) {
  const namespace = newNamespace();
  const { records } = partitionKeys(namespace, 0);
  const pipeline = redis.pipeline();
  for (let n = 1; n <= entries; n++) pipeline.xadd(records, `${n}-0`, 'n', String(n));
  await pipeline.exec();
  return {
    namespace,
    length: () => redis.xlen(records),
    trim: (limits: { hours: number; entries: number; deliveredUpTo: string; nowMs: number }) =>
      trimPartition(storeOf(namespace), { partition: 0, ...limits }),
  };
}
