import { type DisposableRedis, startRedis } from '@fleetbridge/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { joinDispatchers } from '../lease/dispatchers.js';
import { connectRedis, type RedisConnection, whenReady } from '../redis/connection.js';
import { partitionKeys, partitionOf } from '../redis/keys.js';
import { Store } from '../redis/store.js';
import { SlotStore } from '../resume/slot-store.js';
import { readLogOverview } from './log-overview.js';
import { TokenStore } from './token-store.js';

let server: DisposableRedis;
let redis: RedisConnection;
const log = (connection = redis) =>
  new Store({ redis: connection, url: server.url, namespace: 'overview', partitions: 4 });

beforeAll(async () => {
  server = await startRedis();
  redis = connectRedis({ url: server.url, name: 'test' });
  await whenReady(redis, 5_000);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

it('reports zeros for an empty log, and the durability of Redis', async () => {
  expect(await readLogOverview(log(), { atMostVehicles: 3 })).toEqual({
    durability: 'at_once',
    dispatchers: 0,
    streamingProcesses: 0,
    followedVehicles: 0,
    tokens: 0,
    knownVehicles: 0,
    connectedVehicles: 0,
    vehicles: [],
  });
  await redis.config('SET', 'appendfsync', 'everysec');
  expect((await readLogOverview(log(), { atMostVehicles: 3 })).durability).toBe('within_a_second');
  await redis.config('SET', 'appendfsync', 'always');
  await redis.call('ACL', 'SETUSER', 'guest', 'on', 'nopass', '~*', '&*', '+@all', '-config');
  const guest = connectRedis({ url: server.url.replace('//', '//guest:x@'), name: 'test' });
  await whenReady(guest, 5_000);
  expect((await readLogOverview(log(guest), { atMostVehicles: 3 })).durability).toBe('unknown');
  guest.disconnect();
});

it('lists connected vehicles first, then by the time of the last record, and counts running processes', async () => {
  const nowMs = Date.now();
  const received = { QUIET: nowMs - 60_000, LATELY: nowMs - 1_000, HERE: nowMs - 3_600_000, AHEAD: nowMs + 86_400_000 };
  for (const [vin, ms] of Object.entries(received)) {
    await redis.hset(partitionKeys('overview', partitionOf(vin, 4)).newest, vin, String(ms));
  }
  await redis.hset(partitionKeys('overview', partitionOf('HERE', 4)).presence, 'HERE', `c p ${nowMs - 5_000} wifi`);
  await joinDispatchers(log(), { owner: 'd', forMs: 60_000 });
  await joinDispatchers(log(), { owner: 'gone', forMs: -1 });
  const slots = new SlotStore({ store: log(), processId: 'p', windowMs: 900_000 });
  const newSlot = { id: 's', cursor: '1-1' };
  for (const vin of ['HERE', 'QUIET'])
    await slots.acquire(vin, { subscriber: 's', connectionId: 'c', newSlot, askedMs: undefined });
  await redis.hset(partitionKeys('overview', 1).streamingProcesses, 'dead', String(nowMs - 60_000));
  await new TokenStore(log()).create({ vin: '*', label: '', nowMs });

  const overview = await readLogOverview(log(), { atMostVehicles: 3 });
  expect(overview).toMatchObject({
    dispatchers: 1,
    streamingProcesses: 1,
    followedVehicles: 2,
    tokens: 1,
    knownVehicles: 4,
    connectedVehicles: 1,
  });
  expect(overview.vehicles.map(({ vin }) => vin)).toEqual(['HERE', 'AHEAD', 'LATELY']);
  expect(overview.vehicles[0]).toEqual({ vin: 'HERE', connectedSinceMs: nowMs - 5_000, lastReceivedMs: received.HERE });
});
