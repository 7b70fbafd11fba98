// Who may connect can change while everything runs: by the CLI's list in Redis, and by the file.
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { VehicleConnectError } from '@fleetbridge/simulator';
import { AdmissionStore } from '@fleetbridge/store';
import { type DisposableRedis, eventually, startRedis } from '@fleetbridge/testing';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { createTestPki, OTHER_VIN, startTestIngest, type TestIngest, type TestPki, VIN } from './ingest-rig.js';

let redis: DisposableRedis;
let pki: TestPki;
let ingest: TestIngest;

beforeAll(async () => {
  redis = await startRedis();
  pki = createTestPki();
});
afterEach(async () => {
  redis.resume();
  await ingest.dispose();
});
afterAll(async () => {
  pki.dispose();
  await redis.stop();
});

const start = (env: Record<string, string>) => startTestIngest({ redisUrl: redis.url, pki, env, admissionLookMs: 5 });
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
const vinFile = (text: string) => {
  const file = path.join(pki.dataDir, 'vins.txt');
  writeFileSync(file, text);
  return file;
};

it('a VIN that is allowed while ingest runs is let in', async () => {
  ingest = await start({ ALLOWED_VINS: 'none' });
  expect(await canConnect(VIN)).toBe(false);
  await store().set([VIN.toLowerCase()], 'allow');
  await eventually(() => canConnect(VIN));
  expect(await canConnect(OTHER_VIN)).toBe(false);
});

it('a VIN that is denied loses its connection, with what it sent stored and its disconnect reported, and stays out', async () => {
  ingest = await start({ ALLOWED_VINS: '*' });
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

it('what the operator said before the start counts from the first connection on', async () => {
  ingest = await start({ ALLOWED_VINS: '*' });
  await store().set([VIN], 'deny');
  const { namespace } = ingest;
  await ingest.dispose();
  ingest = await startTestIngest({ redisUrl: redis.url, pki, env: { ALLOWED_VINS: '*', NAMESPACE: namespace } });
  expect(await canConnect(VIN)).toBe(false);
});

it('the last known list stays in force while Redis is away', async () => {
  ingest = await start({ ALLOWED_VINS: 'none' });
  await store().set([VIN], 'allow');
  await eventually(() => canConnect(VIN));
  const vehicle = await ingest.connect();
  redis.pause();
  await vehicle.fenceWithoutLog();
  expect(await canConnect(OTHER_VIN)).toBe(false);
  await (await ingest.connect()).fenceWithoutLog();
});

it('the file is read again when it changes, and its vehicles come and go', async () => {
  const file = vinFile(`# ours\n${VIN}\n`);
  ingest = await start({ ALLOWED_VINS_FILE: file });
  const vehicle = await ingest.connect();
  await vehicle.fence();
  expect(await canConnect(OTHER_VIN)).toBe(false);
  vinFile(`${OTHER_VIN.toLowerCase()} # instead\n`);
  expect(await vehicle.closed).toBe(1008);
  expect(await canConnect(OTHER_VIN)).toBe(true);
});

it('a file that is gone or makes no sense leaves the old one in force, and the log says so once', async () => {
  const file = vinFile(VIN);
  ingest = await start({ ALLOWED_VINS_FILE: file });
  const vehicle = await ingest.connect();
  const complaints = () => ingest.lines.filter(({ event }) => event === 'allowed_vins_reload_failed');
  vinFile('a vin?\n');
  await eventually(() => complaints().length === 1);
  rmSync(file);
  await eventually(() => complaints().length === 2);
  await vehicle.fence();
  expect(complaints()[0]).toMatchObject({ bad_lines: [1] });
  vinFile(`${VIN}\n${OTHER_VIN}\n`);
  await eventually(() => canConnect(OTHER_VIN));
  expect(complaints()).toHaveLength(2);
  expect(vehicle.connection.isOpen).toBe(true);
});
