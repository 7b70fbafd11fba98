// A process that sleeps (its machine was suspended, a debugger, a starved container) while its vehicle goes elsewhere:
// what it finds in its sockets when it wakes up is stored already.
import { connectRedis, type RedisConnection } from '@fleetbridge/store';
import { type DisposableRedis, eventually, startRedis } from '@fleetbridge/testing';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { createIngestProcesses } from './ingest-process.js';
import { createTestPki, readEntries, startTestIngest, type TestIngest, type TestPki } from './ingest-rig.js';

let redis: DisposableRedis;
let client: RedisConnection;
let pki: TestPki;
let ingest: TestIngest | undefined;
const processes = createIngestProcesses(() => ({ redisUrl: redis.url, pki }));

beforeAll(async () => {
  redis = await startRedis();
  client = connectRedis({ url: redis.url, name: 'test' });
  pki = createTestPki();
});
afterEach(async () => {
  processes.killAll();
  await ingest?.dispose();
});
afterAll(async () => {
  client.disconnect();
  pki.dispose();
  await redis.stop();
});

it('stores nothing again that its vehicle has sent to another process meanwhile, and lets the vehicle go', async () => {
  const [first, second] = [processes.start({ NAMESPACE: 'asleep' }), processes.start({ NAMESPACE: 'asleep' })];
  const here = await processes.connect((await first.ready).ports.vehicles);
  await here.fence('before');
  first.child.kill('SIGSTOP');
  const txids = Array.from({ length: 50 }, (_, n) => `tx-${n}`);
  for (const txid of txids) here.send({ txid });
  const there = await processes.connect((await second.ready).ports.vehicles);
  for (const txid of txids) there.send({ txid, isResend: true });
  await there.fence('last');
  first.child.kill('SIGCONT');
  await eventually(() => first.events().includes('vehicle_disconnected'));
  await there.fence('after');
  const records = (await readEntries(client, 'asleep')).filter(({ topic }) => topic === 'V');
  expect(records.map(({ txid }) => txid)).toEqual(['before', ...txids, 'last', 'after']);
});

it('looks for repeats when its clock has jumped, however long the connection has lasted', async () => {
  let nowMs = Date.now();
  let jumpMs = 0;
  ingest = await startTestIngest({
    redisUrl: redis.url,
    pki,
    now: () => {
      nowMs += jumpMs;
      return nowMs;
    },
  });
  const vehicle = await ingest.connect();
  await vehicle.fence('a');
  // Long after the time in which repeats are expected.
  nowMs += 3_600_000;
  jumpMs = 300;
  vehicle.send({ txid: 'a' });
  await vehicle.fence('b');
  expect(await ingest.story()).toEqual(['CONNECTED', 'a', 'b']);
  expect(ingest.counts.repeats).toBe(1);
});
