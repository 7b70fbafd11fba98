// Deleting the data of a vehicle while a streaming server runs and a client is subscribed.
import { forgetVehicle, partitionKeys } from '@fleetbridge/store';
import { eventually } from '@fleetbridge/testing';
import { expect } from 'vitest';
import { OTHER_VIN, type Rig, TOKEN, VIN } from './streaming-rig.js';
import { it, type StreamingTestContext } from './streaming-test.js';
import { driving, VehicleLog } from './vehicle-log.js';

it('disconnects the subscribers of a deleted vehicle without a close frame and drops all of its data, and no other', async ({
  startRig,
  connect,
  redis,
  namespace,
}) => {
  const rig = await startRig();
  const [client, other] = await Promise.all([VIN, OTHER_VIN].map((vin) => subscribe(rig, connect, vin)));
  expect(rig.feeds.of(VIN).state.readings.get('Soc')?.value).toBe(71.6);

  await forgetVehicle(rig.store, { vin: VIN, subscriptions: [] });
  await eventually(() => client!.closes.length === 1);
  expect(client!.closes).toEqual([1006]);
  expect(rig.feeds.of(VIN).isUnknown).toBe(true);
  expect(other!.closes).toEqual([]);

  // The second round of `fleetbridge forget` deletes what the connection left behind, at the latest when no check of the
  // slots is running that had still found it.
  await eventually(() => rig.counts.slots === 1);
  await eventually(async () => {
    await forgetVehicle(rig.store, { vin: VIN, subscriptions: [] });
    return (await redis.keys('*')).every((key) => !key.includes(VIN));
  });
  const { slotVins } = partitionKeys(namespace, 0);
  expect(await redis.zrange(slotVins, '0', '-1')).toEqual([OTHER_VIN]);

  // when the vehicle sends again, it is an unknown one
  await new VehicleLog(redis, namespace, VIN).send({ Odometer: 1 }, 9_000);
  await eventually(() => rig.feeds.of(VIN).state.readings.size > 0);
  expect([...rig.feeds.of(VIN).state.readings.keys()]).toEqual(['Odometer']);
});

it('keeps what a vehicle sends before its deletion is noticed, though no snapshot has it yet', async ({
  startRig,
  redis,
  namespace,
}) => {
  const rig = await startRig();
  const vehicle = new VehicleLog(redis, namespace, '5YJ3E1EA7KF000003');
  await vehicle.connect();
  await vehicle.send(driving, Date.now());
  const known = () => rig.feeds.of(vehicle.vin);
  await eventually(() => known().state.readings.size > 1);
  const before = known();
  await forgetVehicle(rig.store, { vin: vehicle.vin, subscriptions: [] });
  await vehicle.connect();
  await vehicle.send({ Odometer: 1 }, Date.now());
  await eventually(() => known() !== before);
  await known().framesReady();
  expect([...known().state.readings.keys()]).toEqual(['Odometer']);
  expect(known().isOnline).toBe(true);
});

async function subscribe(rig: Rig, connect: StreamingTestContext['connect'], vin: string) {
  const vehicle = new VehicleLog(rig.redis, rig.namespace, vin);
  await vehicle.connect();
  await vehicle.send(driving, 1_000);
  const client = await connect(rig.wsUrl);
  client.send({ msg_type: 'data:subscribe_oauth', token: TOKEN, value: '', tag: vin });
  await eventually(() => client.messages.some((text) => text.includes('data:update')));
  return client;
}
