// `fleetbridge forget --force` for a vehicle that is connected and still admitted.
import { forgetVehicle } from '@fleetbridge/store';
import { eventually } from '@fleetbridge/testing';
import { expect } from 'vitest';
import { VIN } from './ingest-rig.js';
import { it } from './ingest-test.js';

it('the vehicle is disconnected, and its next connection is that of an unknown vehicle', async ({ startIngest }) => {
  const ingest = await startIngest();
  const vehicle = ingest.simulate(VIN);
  const isPresent = async () => (await ingest.presence.of(VIN))?.connectionId ?? false;
  const before = await eventually(isPresent);
  await forgetVehicle(ingest.store, { vin: VIN, subscriptions: [] });
  const after = await eventually(async () => {
    const connection = await isPresent();
    return connection !== before && connection;
  });
  await eventually(async () => (await ingest.story()).length > 0);
  expect((await ingest.entries()).map(({ topic, txid }) => [topic, txid])).toEqual([['connectivity', after]]);
  expect(await ingest.story()).toEqual(['CONNECTED']);
  await vehicle.stop();
});
