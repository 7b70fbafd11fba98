import { expect } from 'vitest';
import { joinDispatchers } from '../lease/dispatchers.js';
import { limitedVehicles, storeLimitedVehicle } from '../presence/index.js';
import { connectRedis, whenReady } from '../redis/connection.js';
import { dispatchersKey } from '../redis/index.js';
import { Store } from '../redis/store.js';
import { SlotStore } from '../resume/slot-store.js';
import { SubscriptionStore } from '../subscription/index.js';
import { it } from '../testing/index.js';
import { readLogOverview } from './log-overview.js';
import { TokenStore } from './token-store.js';

const PARTITIONS = 4;

it('reports zeros for an empty log, and the durability of Redis', async ({ redis, redisServer, store }) => {
  const log = new Store({ ...store, partitions: PARTITIONS });
  expect(await readLogOverview(log, { atMostVehicles: 3 })).toEqual({
    durability: 'at_once',
    dispatchers: 0,
    streamingProcesses: 0,
    followedVehicles: 0,
    tokens: 0,
    clients: 0,
    lastPollMs: undefined,
    recordsPerMinute: 0,
    subscriptions: [],
    knownVehicles: 0,
    connectedVehicles: 0,
    vehicles: [],
  });
  await redis.config('SET', 'appendfsync', 'everysec');
  expect((await readLogOverview(log, { atMostVehicles: 3 })).durability).toBe('within_a_second');
  await redis.config('SET', 'appendfsync', 'always');
  await redis.call('ACL', 'SETUSER', 'guest', 'on', 'nopass', '~*', '&*', '+@all', '-config');
  const guest = connectRedis({ url: redisServer.url.replace('//', '//guest:x@'), name: 'test' });
  await whenReady(guest, 5_000);
  expect((await readLogOverview(new Store({ ...log, redis: guest }), { atMostVehicles: 3 })).durability).toBe(
    'unknown',
  );
  guest.disconnect();
});

it('lists connected vehicles first, then by the time of the last record, and counts running processes', async ({
  redis,
  store,
}) => {
  const log = new Store({ ...store, partitions: PARTITIONS });
  const nowMs = Date.now();
  const received = {
    QUIET: nowMs - 60_000,
    RECENT: nowMs - 1_000,
    CONNECTED: nowMs - 3_600_000,
    AHEAD: nowMs + 86_400_000,
  };
  for (const [vin, ms] of Object.entries(received)) {
    await redis.hset(log.keysOf(vin).newest, vin, String(ms));
  }
  await redis.hset(log.keysOf('CONNECTED').presence, 'CONNECTED', `c p ${nowMs - 5_000} wifi`);
  await joinDispatchers(log, { owner: 'd', forMs: 60_000 });
  await redis.zadd(dispatchersKey(log.namespace), nowMs - 1, 'stopped');
  const slots = new SlotStore({ store: log, processId: 'p', windowMs: 900_000 });
  const newSlot = { id: 's', cursor: '1-1' };
  for (const vin of ['CONNECTED', 'QUIET'])
    await slots.acquire(vin, { subscriber: 's', connectionId: 'c', newSlot, askedMs: undefined });
  await redis.hset(log.keys(1).streamingProcesses, 'dead', String(nowMs - 60_000));
  await new TokenStore(log).create({ vin: '*', label: '', nowMs });

  const overview = await readLogOverview(log, { atMostVehicles: 3 });
  expect(overview).toMatchObject({
    dispatchers: 1,
    streamingProcesses: 1,
    followedVehicles: 2,
    tokens: 1,
    knownVehicles: 4,
    connectedVehicles: 1,
  });
  expect(overview.vehicles.map(({ vin }) => vin)).toEqual(['CONNECTED', 'AHEAD', 'RECENT']);
  expect(overview.vehicles[0]).toEqual({
    vin: 'CONNECTED',
    connectedSinceMs: nowMs - 5_000,
    lastReceivedMs: received.CONNECTED,
    isLimited: false,
  });
});

it('shows first the vehicles that send too much, which also have a list of their own', async ({ redis, store }) => {
  const log = new Store({ ...store, partitions: PARTITIONS });
  const nowMs = Date.now();
  for (const vin of ['CALM', 'BUSY', 'BUSIER', 'EARLIER']) await redis.hset(log.keysOf(vin).newest, vin, String(nowMs));
  await redis.hset(log.keysOf('CALM').presence, 'CALM', `c p ${nowMs - 5_000} wifi`);
  await redis.zadd(log.keysOf('EARLIER').limited, nowMs - 3_500_000, 'EARLIER');
  await redis.zadd(log.keysOf('BUSY').limited, nowMs - 200_000, 'BUSY');
  await storeLimitedVehicle(log, 'BUSIER');
  const { vehicles } = await readLogOverview(log, { atMostVehicles: 4 });
  expect(vehicles.map(({ vin, isLimited }) => [vin, isLimited])).toEqual([
    ['BUSIER', true],
    ['BUSY', true],
    ['CALM', false],
    ['EARLIER', false],
  ]);
  const listed = await limitedVehicles(log, { withinMs: 3_600_000 });
  expect(listed.map(({ vin }) => vin)).toEqual(['BUSIER', 'BUSY', 'EARLIER']);
});

it('estimates the records per minute, and shows what each subscription does', async ({ redis, store }) => {
  const log = new Store({ ...store, partitions: PARTITIONS });
  const nowMs = Date.now();
  const { records } = log.keys(0);
  for (const ageMs of [120_000, 30_000, 20_000, 10_000]) await redis.xadd(records, `${nowMs - ageMs}-0`, 'a', 'b');
  for (let at = 0; at < 200; at++) await redis.xadd(log.keys(1).records, `${nowMs - 40_000 + at * 100}-0`, 'a', 'b');
  const subscriptions = new SubscriptionStore(log);
  await subscriptions.create({ name: 'home', origin: 'cli', definition: { mqtt: {} } }, { from: 'earliest', nowMs });
  await subscriptions.create({ name: 'broken', origin: 'file', definition: {} }, { from: 'now', nowMs });
  await subscriptions.setVerdict('broken', ['no delivery']);
  const seen = await readLogOverview(log, { atMostVehicles: 1 });
  expect(seen.recordsPerMinute).toBeGreaterThan(180);
  expect(seen.recordsPerMinute).toBeLessThan(220);
  expect(seen.subscriptions).toMatchObject([
    { name: 'broken', kind: '?', state: 'unusable: no delivery', isDelivering: false, waiting: '0' },
    { name: 'home', kind: 'mqtt', state: 'no dispatcher', isDelivering: false, waiting: '204' },
  ]);
});
