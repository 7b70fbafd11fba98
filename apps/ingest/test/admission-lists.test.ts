// Admission can change while ingest runs: with the CLI (in Redis) and with the file.
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { VehicleConnectError } from '@fleetbridge/simulator';
import { AdmissionStore } from '@fleetbridge/store';
import { eventually } from '@fleetbridge/testing';
import { expect } from 'vitest';
import { OTHER_VIN, type TestIngest, type TestPki, VIN } from './ingest-rig.js';
import { it } from './ingest-test.js';

let ingest: TestIngest;

const store = () => new AdmissionStore({ redis: ingest.redis, namespace: ingest.namespace });
const isRefused = (error: unknown) => error instanceof VehicleConnectError && error.statusCode === 403;
const canConnect = async (vin: string) => {
  try {
    (await ingest.connect({ vin })).connection.terminate();
    return true;
  } catch (error) {
    if (isRefused(error)) return false;
    throw error;
  }
};
const vinFile = (pki: TestPki, text: string) => {
  const file = path.join(pki.dataDir, 'vins.txt');
  writeFileSync(file, text);
  return file;
};

it('a VIN that is allowed while ingest runs can connect', async ({ startIngest }) => {
  ingest = await startIngest({ env: { ALLOWED_VINS: 'none' }, admissionPollMs: 5 });
  expect(await canConnect(VIN)).toBe(false);
  await store().set([VIN.toLowerCase()], 'allow');
  await eventually(() => canConnect(VIN));
  expect(await canConnect(OTHER_VIN)).toBe(false);
});

it('a denied VIN is disconnected after its records are stored, and cannot reconnect', async ({ startIngest }) => {
  ingest = await startIngest({ env: { ALLOWED_VINS: '*' }, admissionPollMs: 5 });
  const [denied, other] = [await ingest.connect(), await ingest.connect({ vin: OTHER_VIN })];
  await denied.fence('a');
  await store().set([VIN], 'deny');
  expect(await denied.closed).toBe(1008);
  await eventually(async () => (await ingest.presence.of(VIN)) === undefined);
  expect(await ingest.story()).toEqual(['CONNECTED', 'CONNECTED', 'a', 'DISCONNECTED']);
  expect(ingest.counts.ended).toEqual({ not_admitted: 1 });
  expect(await canConnect(VIN)).toBe(false);
  await other.fence('b');

  await store().set([VIN], 'allow');
  await eventually(() => canConnect(VIN));
});

it('verdicts from before the start apply to the first connection', async ({ startIngest }) => {
  ingest = await startIngest({ env: { ALLOWED_VINS: '*' }, admissionPollMs: 5 });
  await store().set([VIN], 'deny');
  await ingest.dispose();
  ingest = await startIngest({ env: { ALLOWED_VINS: '*' } });
  expect(await canConnect(VIN)).toBe(false);
});

it('the last known list stays in use while Redis is away', async ({ redisServer, startIngest }) => {
  ingest = await startIngest({ env: { ALLOWED_VINS: 'none' }, admissionPollMs: 5 });
  await store().set([VIN], 'allow');
  await eventually(() => canConnect(VIN));
  const vehicle = await ingest.connect();
  redisServer.pause();
  await vehicle.fenceWithoutLog();
  expect(await canConnect(OTHER_VIN)).toBe(false);
  await (await ingest.connect()).fenceWithoutLog();
});

it('the file is reloaded when it changes: new VINs can connect, removed ones are disconnected', async ({
  pki,
  startIngest,
}) => {
  const file = vinFile(pki, `# ours\n${VIN}\n`);
  ingest = await startIngest({ env: { ALLOWED_VINS_FILE: file }, admissionPollMs: 5 });
  const vehicle = await ingest.connect();
  await vehicle.fence();
  expect(await canConnect(OTHER_VIN)).toBe(false);
  vinFile(pki, `${OTHER_VIN.toLowerCase()} # instead\n`);
  expect(await vehicle.closed).toBe(1008);
  expect(await canConnect(OTHER_VIN)).toBe(true);
});

it('a missing or invalid file leaves the last valid list in use, and is logged once', async ({ pki, startIngest }) => {
  const file = vinFile(pki, VIN);
  ingest = await startIngest({ env: { ALLOWED_VINS_FILE: file }, admissionPollMs: 5 });
  const vehicle = await ingest.connect();
  const failures = () => ingest.lines.filter(({ event }) => event === 'allowed_vins_reload_failed');
  vinFile(pki, 'not a VIN?\n');
  await eventually(() => failures().length === 1);
  rmSync(file);
  await eventually(() => failures().length === 2);
  await vehicle.fence();
  expect(failures()[0]).toMatchObject({ bad_lines: [1] });
  vinFile(pki, `${VIN}\n${OTHER_VIN}\n`);
  await eventually(() => canConnect(OTHER_VIN));
  expect(failures()).toHaveLength(2);
  expect(vehicle.connection.isOpen).toBe(true);
});

it('an invalid entry is logged and skipped; the other vehicles of the list can connect', async ({
  pki,
  startIngest,
}) => {
  ingest = await startIngest({ env: { ALLOWED_VINS_FILE: vinFile(pki, `${VIN}\nmyTesla!\n`) }, admissionPollMs: 5 });
  expect(await canConnect(VIN)).toBe(true);
  vinFile(pki, `${VIN}\n${OTHER_VIN}\nthe car, red\n`);
  await eventually(() => canConnect(OTHER_VIN));
  expect(ingest.lines.filter(({ event }) => event === 'vin_entry_invalid').at(-1)).toMatchObject({
    variable: 'ALLOWED_VINS_FILE',
    entries: ['the car, red'],
  });
});

it('a denied VIN stays denied when Redis is emptied, and the list is stored again', async ({ startIngest }) => {
  ingest = await startIngest({ env: { ALLOWED_VINS: '*' }, admissionPollMs: 5, identityPollMs: 5 });
  await store().set([VIN, '5YJ3E1EA7KF000009'], 'deny');
  await eventually(async () => !(await canConnect(VIN)));
  const key = `${ingest.namespace}:admission`;
  await ingest.redis.del(await ingest.redis.keys(`${ingest.namespace}:*`));
  await eventually(async () => (await ingest.redis.exists(key)) === 1);
  expect((await store().read()).verdicts).toEqual(
    new Map([
      [VIN, 'deny'],
      ['5YJ3E1EA7KF000009', 'deny'],
    ]),
  );
  expect([await canConnect(VIN), await canConnect(OTHER_VIN)]).toEqual([false, true]);
});
