// A vehicle that is connected while its owner has everything deleted, and may stay (`fleetbridge forget --force`).
import { forgetVehicle } from '@fleetbridge/store';
import { type DisposableRedis, eventually, startRedis } from '@fleetbridge/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestPki, startTestIngest, type TestIngest, type TestPki, VIN } from './ingest-rig.js';

let server: DisposableRedis;
let pki: TestPki;
let ingest: TestIngest;

beforeAll(async () => {
  server = await startRedis();
  pki = createTestPki();
  ingest = await startTestIngest({ redisUrl: server.url, pki });
});
afterAll(async () => {
  await ingest.dispose();
  pki.dispose();
  await server.stop();
});

it('its connection ends, and with the next one it is a vehicle that nobody knew', async () => {
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
