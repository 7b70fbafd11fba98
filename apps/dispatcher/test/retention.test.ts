// What retention may remove while subscriptions read the log.
import { createLogger } from '@fleetbridge/service';
import { acquireSubscription, connectRedis, partitionKeys, type RedisConnection, whenReady } from '@fleetbridge/store';
import { type DisposableRedis, eventually, startRedis } from '@fleetbridge/testing';
import { cleanupAfterEach } from '@fleetbridge/testing/cleanup';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MaintenanceLoop } from '../src/maintenance/maintenance-loop.js';
import { createCounts } from '../src/metrics.js';
import { type DispatchRig, dispatchRig } from './dispatch-rig.js';

let server: DisposableRedis;
let redis: RedisConnection;
const cleanUp = cleanupAfterEach();
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

beforeAll(async () => {
  server = await startRedis(['--stream-node-max-entries', '10']);
  redis = connectRedis({ url: server.url, name: 'test' });
  await whenReady(redis, 5_000);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

describe('retention', () => {
  it('trims by number only entries that all active subscriptions and the snapshots have', async () => {
    const { rig, ids, maintenance, length } = await filled(1_500);
    await rig.subscribe({ name: 'behind', log: true });
    await rig.subscribe({ name: 'paused', log: true });
    await rig.store.setPaused('paused', 'operator');
    await readAndAcknowledge(rig, 'behind', 300);
    const { run, counts } = maintenance({ entries: 1_000, snapshotCursor: ids.at(-1)! });
    await eventually(async () => {
      await run();
      return (await length()) <= 1_210;
    });
    for (let pass = 0; pass < 5; pass++) await run();
    expect(await length()).toBeGreaterThanOrEqual(1_200);
    expect((await rig.store.control('behind').lagOf(0)).lostUpTo).toBeUndefined();
    await readAndAcknowledge(rig, 'behind', 1_200);
    await eventually(async () => {
      await run();
      return (await length()) <= 1_010;
    });
    expect([...counts.subscriptions.paused]).toEqual(['paused']);
    // the lag of the paused one shows that it lost entries
    expect((await rig.store.control('paused').lagOf(0)).lostUpTo).toBeDefined();
  });

  it('logs an error when age removes entries that a subscription has not delivered', async () => {
    const { rig, maintenance, length } = await filled(500, { agoMs: 2 * HOUR_MS });
    await rig.subscribe({ name: 'behind', log: true });
    await rig.subscribe({ name: 'done', log: true });
    await readAndAcknowledge(rig, 'done', 500);
    const { run, lines, counts } = maintenance({ entries: 1_000, snapshotCursor: '0-0' });
    await eventually(async () => {
      await run();
      return (await length()) < 400;
    });
    expect(counts.subscriptions.overtaken.behind).toBeGreaterThan(0);
    expect(counts.subscriptions.overtaken.done).toBeUndefined();
    expect(lines.some((line) => line.includes('subscription_overtaken_by_retention'))).toBe(true);
    expect((await rig.store.control('behind').lagOf(0)).lostUpTo).toBeDefined();
    expect((await rig.store.control('done').lagOf(0)).lostUpTo).toBeUndefined();
    expect([...counts.subscriptions.lags.keys()]).toEqual(['behind', 'done']);
    expect([...counts.subscriptions.paused]).toEqual([]);
    expect(counts.partitions.get(0)).toEqual({ entries: await length(), quarantined: 0 });
  });

  it('trims the records of a vehicle that has been asleep for 8 days', async () => {
    const { maintenance, length } = await filled(500, { agoMs: 8 * DAY_MS });
    const { run, lines } = maintenance({ entries: 1_000, snapshotCursor: '0-0', hours: 168 });
    await eventually(async () => {
      await run();
      return (await length()) === 0;
    });
    expect(lines.join()).not.toContain('retention_paused');
  });
});

describe('retention with a wrong clock', () => {
  const events = (lines: string[]) =>
    lines
      .map((line) => JSON.parse(line))
      .flatMap(({ event, reason }) => (event.startsWith('retention_') ? [reason ?? event] : []));

  it('removes nothing while the machine is 8 days ahead', async () => {
    const { rig, fill, maintenance, length } = await filled(0);
    let aheadMs = 0;
    const { run, lines, counts } = maintenance({
      entries: 1_000,
      snapshotCursor: '0-0',
      hours: 168,
      steady: () => performance.now() - aheadMs,
    });
    await run();
    // as if Redis and this process had been set: everything is 8 days old, and 10 s have passed
    await fill(2_000, 8 * DAY_MS);
    await rig.subscribe({ name: 'behind', log: true });
    aheadMs = 8 * DAY_MS;
    for (let pass = 0; pass < 3; pass++) await run();
    expect({ length: await length(), events: events(lines) }).toEqual({ length: 2_000, events: ['clock_jumped'] });
    expect([...counts.distrusted]).toEqual([[0, 'clock_jumped']]);
    // a dispatcher that starts meanwhile knows the last pass
    await redis.set(partitionKeys(rig.namespace, 0).retentionPass, Date.now() - 8 * DAY_MS);
    const restarted = maintenance({ entries: 1_000, snapshotCursor: '0-0', hours: 168 });
    await restarted.run();
    expect({ length: await length(), events: events(restarted.lines) }).toEqual({
      length: 2_000,
      events: ['clock_jumped'],
    });
    aheadMs = 0;
    await run();
    expect(events(lines)).toEqual(['clock_jumped', 'retention_resumed']);
    expect(counts.distrusted.size).toBe(0);
  });

  it('removes nothing by age while the newest entry is ahead of Redis, and still trims by number', async () => {
    const { fill, maintenance, length } = await filled(1_500, { agoMs: 8 * DAY_MS });
    const newest = await fill(100, -8 * DAY_MS);
    const all = maintenance({ entries: 2_000, snapshotCursor: newest.at(-1)!, hours: 168 });
    for (let pass = 0; pass < 3; pass++) await all.run();
    expect({ length: await length(), events: events(all.lines) }).toEqual({ length: 1_600, events: ['log_ahead'] });
    const { run } = maintenance({ entries: 1_000, snapshotCursor: newest.at(-1)!, hours: 168 });
    await eventually(async () => {
      await run();
      return (await length()) <= 1_010;
    });
    expect(await length()).toBeGreaterThanOrEqual(1_000);
  });

  it.for([-2 * HOUR_MS, 8 * DAY_MS])('removes nothing while this process is %i ms ahead of Redis', async (aheadMs) => {
    const { maintenance, length } = await filled(500, { agoMs: 2 * HOUR_MS });
    let differMs = aheadMs;
    const { run, lines } = maintenance({
      entries: 1_000,
      snapshotCursor: '0-0',
      now: () => Date.now() + differMs,
    });
    for (let pass = 0; pass < 3; pass++) await run();
    expect({ length: await length(), events: events(lines) }).toEqual({ length: 500, events: ['clocks_differ'] });
    differMs = 0;
    await run();
    expect(await length()).toBeLessThan(500);
    expect(events(lines)).toEqual(['clocks_differ', 'retention_resumed']);
  });
});

describe('RETENTION_MEMORY_PERCENT', () => {
  it('removes what every active subscription has, while Redis uses more of its memory', async () => {
    const { rig, maintenance, length } = await filled(0);
    const { records } = partitionKeys(rig.namespace, 0);
    const hourAgoMs = Date.now() - 3_600_000;
    for (let n = 1; n <= 500; n++)
      await redis.xadd(records, `${hourAgoMs + n}-0`, 'vin', 'VIN1', 'topic', 'V', 'payload', 'x');
    const newest = (await redis.xadd(records, '*', 'vin', 'VIN1', 'topic', 'V', 'payload', 'x'))!;
    await rig.subscribe({ name: 'behind', log: true });
    await readAndAcknowledge(rig, 'behind', 300);
    const { run, lines } = maintenance({
      entries: 1_000,
      snapshotCursor: newest,
      memoryPercent: 80,
      hours: 168,
    });
    const passes = async (count: number) => {
      for (let pass = 0; pass < count; pass++) await run();
    };
    await redis.config('SET', 'maxmemory', String((await usedMemory()) * 2));
    await passes(1);
    expect(await length()).toBe(501);
    await redis.config('SET', 'maxmemory', String(Math.floor((await usedMemory()) * 1.1)));
    await passes(5);
    await redis.config('SET', 'maxmemory', '0');
    // whole nodes of about a hundred entries
    expect(await length()).toBeLessThanOrEqual(301);
    expect(await length()).toBeGreaterThanOrEqual(201);
    expect((await rig.store.control('behind').lagOf(0)).lostUpTo).toBeUndefined();
    expect(lines.filter((line) => line.includes('"delivered_records_trimmed"')).length).toBe(1);
  });
});

async function usedMemory(): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);
}

async function readAndAcknowledge(rig: DispatchRig, subscription: string, count: number): Promise<void> {
  const place = { store: rig.logStore, partition: 0, subscription };
  const work = (await acquireSubscription(place, { owner: 'test', leaseMs: 60_000, start: '0-0' }))!;
  for (let given = 0; given < count; ) {
    const { entries } = await work.readNew(Math.min(500, count - given));
    await work.acknowledge(entries.map(({ id }) => id));
    given += entries.length;
  }
  await work.release();
}

async function filled(entries: number, { agoMs }: { agoMs?: number } = {}) {
  const rig = dispatchRig(redis, { url: server.url });
  cleanUp.push(() => rig.dispose());
  const { records } = partitionKeys(rig.namespace, 0);
  /** Appends entries whose ids are as if they had been appended that long ago. */
  const fill = async (count: number, ago: number): Promise<string[]> => {
    const ms = Date.now() - ago;
    const added = Array.from({ length: count }, (_, n) => redis.xadd(records, `${ms + n}-0`, 'vin', 'VIN1'));
    return (await Promise.all(added)) as string[];
  };
  const ids =
    agoMs === undefined
      ? await Promise.all(Array.from({ length: entries }, (_, n) => rig.add('VIN1', n)))
      : await fill(entries, agoMs);
  return {
    rig,
    ids,
    fill,
    length: () => redis.xlen(records),
    maintenance: ({
      entries: kept,
      snapshotCursor,
      memoryPercent = 0,
      hours = 1,
      now = Date.now,
      steady = () => performance.now(),
    }: {
      entries: number;
      snapshotCursor: string;
      memoryPercent?: number;
      hours?: number;
      now?: () => number;
      steady?: () => number;
    }) => {
      const lines: string[] = [];
      const log = createLogger({
        name: 'test',
        format: 'json',
        destination: { write: (line: string) => void lines.push(line) },
      });
      const counts = createCounts();
      const maintenance = new MaintenanceLoop({
        store: rig.logStore,
        retention: { hours, entries: kept },
        memoryPercent,
        keepers: [{ isHolder: true, partition: 0 }],
        snapshots: { cursor: async () => snapshotCursor },
        subscriptions: rig.store,
        deadConnections: { report: async () => {} },
        fleetStatistics: { update: async () => {} },
        costStatistics: { update: async () => {} },
        counts,
        log,
        now,
        steady,
      });
      // retention is part of every fifth run
      const run = async () => {
        for (let n = 0; n < 5; n++) await maintenance.run();
      };
      return { run, lines, counts };
    },
  };
}
