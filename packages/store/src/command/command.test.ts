// Against a real Redis, with two connections as two processes have them.
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '@fleetbridge/testing';
import { expect } from 'vitest';
import { whenReady } from '../redis/connection.js';
import { LeaseLost } from '../redis/errors.js';
import { openStore, type Store } from '../redis/store.js';
import { it } from '../testing/index.js';
import { CommandAudit } from './audit.js';
import { countCall } from './calls.js';
import { CommandProtocols } from './protocols.js';
import { commandSessions } from './sessions.js';
import { acquireTurn, type CommandTurn, MAX_WAITING, releaseTurn } from './turns.js';

const VIN = '5YJ3E1EA7KF000001';
const OTHER = '5YJ3E1EA7KF000002';
const EPOCH = Buffer.alloc(16, 7);

const acquire = (store: Store, { vin = VIN, waitMs = 30_000, turnMs = 60_000 } = {}) =>
  acquireTurn(store, {
    vin,
    waitMs,
    turnMs,
    monotonicMs: () => performance.now(),
    sleep: (ms) => delay(Math.min(ms, 5)),
  });

async function acquired(store: Store, request: Parameters<typeof acquire>[1] = {}): Promise<CommandTurn> {
  const result = await acquire(store, request);
  if (result.kind !== 'acquired') throw new Error(result.kind);
  return result.turn;
}

async function secondProcess(store: Store, cleanup: (() => unknown)[]): Promise<Store> {
  const { url, namespace, partitions } = store;
  const second = openStore({ url, namespace, partitions, name: 'second' });
  cleanup.push(() => second.close());
  await whenReady(second.redis, 5_000);
  return second;
}

it('gives the turn of a vehicle to one process at a time, in the order of asking', async ({ store, cleanup }) => {
  const processes = [store, await secondProcess(store, cleanup)];
  const first = await acquired(store);
  const order: number[] = [];
  const waiting: Promise<void>[] = [];
  const { commandQueuePrefix } = store.keysOf(VIN);
  for (let n = 0; n < 4; n++) {
    const process = processes[n % 2]!;
    waiting.push(
      acquired(process).then(async (turn) => {
        order.push(n);
        await releaseTurn(process, turn);
      }),
    );
    await eventually(async () => (await store.redis.zcard(commandQueuePrefix + VIN)) === n + 1);
  }
  // another vehicle doesn't wait
  await acquired(store, { vin: OTHER, waitMs: 0 });
  expect(order).toEqual([]);
  await releaseTurn(store, first);
  await Promise.all(waiting);
  expect(order).toEqual([0, 1, 2, 3]);
});

it('rejects a command when 8 wait already, and one whose time has passed', async ({ store, cleanup }) => {
  const second = await secondProcess(store, cleanup);
  const turn = await acquired(store);
  const { commandQueuePrefix } = store.keysOf(VIN);
  const waiting = Array.from({ length: MAX_WAITING }, (_, n) => acquired(n % 2 ? store : second));
  await eventually(async () => (await store.redis.zcard(commandQueuePrefix + VIN)) === MAX_WAITING);
  expect(await acquire(second)).toEqual({ kind: 'queue_full' });
  await releaseTurn(store, turn);
  for (const next of waiting) next.then((held) => releaseTurn(store, held));
  await Promise.all(waiting);
  await acquired(store);
  expect(await acquire(second, { waitMs: 20 })).toEqual({ kind: 'timed_out' });
  expect(await store.redis.zcard(commandQueuePrefix + VIN)).toBe(0);
});

it('does not wait for the ticket of a dead process', async ({ store }) => {
  const { commandQueuePrefix, commandWaitersPrefix } = store.keysOf(VIN);
  await store.redis.zadd(commandQueuePrefix + VIN, 0, 'dead');
  await store.redis.zadd(commandWaitersPrefix + VIN, 1, 'dead');
  await acquired(store, { waitMs: 0 });
});

it('allocates each counter once to two processes, per domain and epoch', async ({ store, cleanup }) => {
  const second = await secondProcess(store, cleanup);
  const counters: number[] = [];
  const run = async (process: Store) => {
    for (let n = 0; n < 20; n++) {
      const turn = await acquired(process);
      counters.push((await commandSessions(process, turn).allocateCounter(VIN, 2, EPOCH, 5))!);
      await releaseTurn(process, turn);
    }
  };
  await Promise.all([run(store), run(second)]);
  expect(counters).toEqual(Array.from({ length: 40 }, (_, n) => n + 5));
  const sessions = commandSessions(store, await acquired(store));
  expect(await sessions.allocateCounter(VIN, 3, EPOCH, 1)).toBe(1);
  expect(await sessions.allocateCounter(VIN, 2, Buffer.alloc(16, 8), 1)).toBe(1);
  expect(await sessions.allocateCounter(VIN, 2, EPOCH, 100)).toBe(100);
  expect(await sessions.allocateCounter(VIN, 2, EPOCH, 50)).toBe(101);
  expect(await sessions.allocateCounter(VIN, 2, EPOCH, 0xffff_ffff)).toBe(0xffff_ffff);
  expect(await sessions.allocateCounter(VIN, 2, EPOCH, 1)).toBeUndefined();
});

it('keeps counters of the last 16 epochs', async ({ store }) => {
  const sessions = commandSessions(store, await acquired(store));
  for (let n = 0; n < 40; n++) await sessions.allocateCounter(VIN, 2, Buffer.alloc(16, n), 1);
  expect(await store.redis.hlen(store.keysOf(VIN).commandCountersPrefix + VIN)).toBe(16);
  expect(await sessions.allocateCounter(VIN, 2, Buffer.alloc(16, 39), 1)).toBe(2);
});

it('does not let a process sign or write that wakes up after its turn has ended', async ({ store, cleanup }) => {
  const paused = commandSessions(store, await acquired(store, { turnMs: 20 }));
  const session = { vehicleKey: Buffer.alloc(65, 4), epoch: EPOCH, counter: 1, clockZeroMs: 5, clockTime: 6 };
  const second = await secondProcess(store, cleanup);
  const turn = await acquired(second);
  await expect(paused.allocateCounter(VIN, 2, EPOCH, 1)).rejects.toThrow(LeaseLost);
  await expect(paused.save(VIN, 2, session)).rejects.toThrow(LeaseLost);
  await expect(paused.drop(VIN, 2)).rejects.toThrow(LeaseLost);
  expect(await commandSessions(second, turn).allocateCounter(VIN, 2, EPOCH, 1)).toBe(1);
  expect(await paused.load(VIN, 2)).toBeUndefined();
});

it('does not release the turn of another process', async ({ store }) => {
  const first = await acquired(store, { turnMs: 20 });
  const second = await acquired(store);
  await releaseTurn(store, first);
  expect(await acquire(store, { waitMs: 0 })).toEqual({ kind: 'timed_out' });
  await releaseTurn(store, second);
  await acquired(store, { waitMs: 0 });
});

it('keeps sessions per domain, and ignores what it can not read', async ({ store, redis }) => {
  const sessions = commandSessions(store, await acquired(store));
  const session = {
    vehicleKey: new Uint8Array(65).fill(4),
    epoch: new Uint8Array(EPOCH),
    counter: 9,
    clockZeroMs: 1_700_000_000_000,
    clockTime: 77,
  };
  await sessions.save(VIN, 2, session);
  expect(await sessions.load(VIN, 2)).toEqual(session);
  expect(await sessions.load(VIN, 3)).toBeUndefined();
  await sessions.drop(VIN, 2);
  expect(await sessions.load(VIN, 2)).toBeUndefined();
  for (const text of ['{', 'null', '{}', '{"epoch":5}']) {
    await redis.hset(store.keysOf(VIN).commandSessionsPrefix + VIN, '3', text);
    expect(await sessions.load(VIN, 3)).toBeUndefined();
  }
});

it('limits calls per vehicle, kind and minute, and names the time until the next', async ({ store, redis }) => {
  const call = (kind: 'command' | 'wake', limit: number, vin = VIN) => countCall(store, { vin, kind, limit });
  for (let n = 1; n <= 30; n++) expect(await call('command', 30)).toEqual({ isAllowed: true, used: n });
  for (let n = 1; n <= 3; n++) expect(await call('wake', 3)).toEqual({ isAllowed: true, used: n });
  expect(await call('command', 30, OTHER)).toEqual({ isAllowed: true, used: 1 });
  const rejected = await call('command', 30);
  expect(rejected).toMatchObject({ isAllowed: false });
  expect(await call('wake', 3)).toMatchObject({ isAllowed: false });
  const retryAfterMs = rejected.isAllowed ? 0 : rejected.retryAfterMs;
  expect(retryAfterMs).toBeGreaterThan(0);
  expect(retryAfterMs).toBeLessThanOrEqual(60_000);
  // a minute later for the oldest wake
  const key = store.keysOf(VIN).commandCallsPrefix + VIN;
  const oldest = (await redis.zrange(key, '0', '-1')).find((member) => member.startsWith('wake'))!;
  await redis.zincrby(key, -60_000, oldest);
  expect(await call('wake', 3)).toEqual({ isAllowed: true, used: 3 });
});

it('remembers for a day whether a vehicle takes signed commands', async ({ store, redis }) => {
  const protocols = new CommandProtocols(store);
  expect(await protocols.of(VIN)).toBeUndefined();
  await protocols.learn(VIN, 'rest');
  expect(await protocols.of(VIN)).toBe('rest');
  expect(await redis.ttl(store.keysOf(VIN).commandProtocolPrefix + VIN)).toBeGreaterThan(80_000);
});

it('begins with a guess, which does not replace what was learned', async ({ store }) => {
  const protocols = new CommandProtocols(store);
  await protocols.guess(VIN, 'rest');
  expect(await protocols.of(VIN)).toBe('rest');
  await protocols.learn(VIN, 'signed');
  await protocols.guess(VIN, 'rest');
  expect(await protocols.of(VIN)).toBe('signed');
});

it('lists audited commands, the newest first, of all vehicles or one', async ({ store }) => {
  const audit = new CommandAudit(store);
  for (const [vin, command] of [
    [VIN, 'door_lock'],
    [OTHER, 'charge_start'],
    [VIN, 'door_unlock'],
  ] as const) {
    await audit.add({ vin, who: 'wallbox', command, outcome: 'done', calls: 2 });
  }
  const commandsOf = async (request: { vin?: string; count: number }) =>
    (await audit.newest(request)).map(({ command }) => command);
  expect(await commandsOf({ count: 2 })).toEqual(['door_unlock', 'charge_start']);
  expect(await commandsOf({ vin: VIN, count: 10 })).toEqual(['door_unlock', 'door_lock']);
  expect((await audit.newest({ count: 1 }))[0]).toMatchObject({ vin: VIN, who: 'wallbox', outcome: 'done', calls: 2 });
});

it('keeps about 10,000 audited commands per partition', async ({ store }) => {
  const key = store.keysOf(VIN).commandAudit;
  const pipeline = store.redis.pipeline();
  for (let n = 0; n < 10_500; n++) pipeline.xadd(key, '*', 'vin', VIN);
  await pipeline.exec();
  await new CommandAudit(store).add({ vin: VIN, who: 'token:1', command: 'door_lock', outcome: 'done', calls: 1 });
  expect(await store.redis.xlen(key)).toBeLessThanOrEqual(10_100);
});
