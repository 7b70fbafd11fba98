import { expect } from 'vitest';
import { it } from '../testing/index.js';
import { VehicleIdStore } from './vehicle-ids.js';

const VIN = '5YJ3E1EA7KF000001';
const OTHER_VIN = '5YJ3E1EA7KF000002';

it('gives each VIN integers below 2^53 that never change, also when others come later', async ({ store }) => {
  const ids = new VehicleIdStore(store);
  const [first, other] = await Promise.all([ids.of(VIN), ids.of(OTHER_VIN)]);
  for (const id of [first.id, first.vehicleId]) {
    expect(Number.isSafeInteger(id)).toBe(true);
    expect([other.id, other.vehicleId]).not.toContain(id);
  }
  expect(await new VehicleIdStore(store).of(VIN, { id: 5, vehicleId: 6 })).toEqual(first);
  expect(await ids.all()).toEqual(
    new Map([
      [VIN, first],
      [OTHER_VIN, other],
    ]),
  );
});

it('gives the same ids again after Redis was emptied', async ({ store }) => {
  const first = await new VehicleIdStore(store).of(VIN);
  await store.redis.del(`${store.namespace}:vehicle-ids`);
  expect(await new VehicleIdStore(store).of(VIN)).toEqual(first);
});

it("uses Tesla's ids when they come first, unless another vehicle has them", async ({ store }) => {
  const ids = new VehicleIdStore(store);
  expect(await ids.of(VIN, { id: 1492931365719407, vehicleId: 2000000001 })).toEqual({
    id: 1492931365719407,
    vehicleId: 2000000001,
  });
  expect((await ids.of(OTHER_VIN, { vehicleId: 2000000001 })).vehicleId).not.toBe(2000000001);
});
