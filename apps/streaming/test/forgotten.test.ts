// A vehicle whose owner had its data deleted, while a streaming server runs and a client listens.
import { connectRedis, forgetVehicle, partitionKeys, type RedisConnection, Store, whenReady } from '@fleetbridge/store';
import { type DisposableRedis, eventually, startRedis } from '@fleetbridge/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type Replica, startReplica, TOKEN } from './replica.js';
import { driving, VehicleLog } from './vehicle-log.js';

const VIN = '5YJ3E1EA7KF000001';
const OTHER = '5YJ3E1EA7KF000002';
const namespace = 'forgotten';
let redisServer: DisposableRedis;
let redis: RedisConnection;
let store: Store;
let replica: Replica;

beforeAll(async () => {
  redisServer = await startRedis();
  redis = connectRedis({ url: redisServer.url, name: 'test' });
  store = new Store({ redis, url: redisServer.url, namespace, partitions: 1 });
  await whenReady(redis, 5_000);
  replica = await startReplica({ url: redisServer.url, namespace });
});
afterAll(async () => {
  await replica.stop();
  redis.disconnect();
  await redisServer.stop();
});

it('its listeners are let go without a close frame, nothing of it is known any more, and others notice nothing', async () => {
  const clients = await Promise.all([VIN, OTHER].map(listen));
  const [client, other] = clients;
  expect(replica.feeds.of(VIN).state.readings.get('Soc')?.value).toBe(71.6);
  await forgetVehicle(store, { vin: VIN, subscriptions: [] });
  await eventually(() => client!.closeCode() !== undefined);
  expect(client!.closeCode()).toBe(1006);
  expect(replica.feeds.of(VIN).isUnknown).toBe(true);
  expect(other!.closeCode()).toBeUndefined();

  // the second round of `fleetbridge forget` takes what its connection left behind, at the latest when no look at the
  // slots is under way that had still seen it
  await eventually(() => replica.counts.slots === 1);
  await eventually(async () => {
    await forgetVehicle(store, { vin: VIN, subscriptions: [] });
    return (await redis.keys('*')).every((key) => !key.includes(VIN));
  });
  const { slotVins } = partitionKeys(namespace, 0);
  expect(await redis.zrange(slotVins, '0', '-1')).toEqual([OTHER]);

  // what it sends when it may come again is a vehicle that nobody knew
  await new VehicleLog(redis, namespace, VIN).send({ Odometer: 1 }, 9_000);
  await eventually(() => replica.feeds.of(VIN).state.readings.size > 0);
  expect([...replica.feeds.of(VIN).state.readings.keys()]).toEqual(['Odometer']);
  for (const { socket } of clients) socket.terminate();
});

it('what a vehicle has sent by the time that its forgetting is noticed is kept, though no snapshot has it yet', async () => {
  const vehicle = new VehicleLog(redis, namespace, '5YJ3E1EA7KF000003');
  await vehicle.connect();
  await vehicle.send(driving, Date.now());
  const known = () => replica.feeds.of(vehicle.vin);
  await eventually(() => known().state.readings.size > 1);
  const before = known();
  await forgetVehicle(store, { vin: vehicle.vin, subscriptions: [] });
  await vehicle.connect();
  await vehicle.send({ Odometer: 1 }, Date.now());
  await eventually(() => known() !== before);
  await known().framesReady();
  expect([...known().state.readings.keys()]).toEqual(['Odometer']);
  expect(known().isOnline).toBe(true);
});

async function listen(vin: string) {
  const vehicle = new VehicleLog(redis, namespace, vin);
  await vehicle.connect();
  await vehicle.send(driving, 1_000);
  const socket = new WebSocket(`${replica.url}/streaming/`);
  const frames: string[] = [];
  let closeCode: number | undefined;
  socket.on('message', (data) => {
    if (data.toString().includes('data:update')) frames.push(data.toString());
  });
  socket.on('close', (code) => {
    closeCode = code;
  });
  await new Promise((resolve) => socket.once('open', resolve));
  socket.send(JSON.stringify({ msg_type: 'data:subscribe_oauth', token: TOKEN, value: '', tag: vin }));
  await eventually(() => frames.length > 0);
  return { socket, closeCode: () => closeCode };
}
