// One vehicle at full speed must not fill Redis: the others would no longer be acknowledged.
import { connectRedis, memoryUse, whenReady } from '@fleetbridge/store';
import { eventually, startRedis } from '@fleetbridge/testing';
import { expect, onTestFinished } from 'vitest';
import { it } from './ingest-test.js';

/** The full size: 300 MB of Redis, 20 vehicles, 20 seconds. */
const isLong = Boolean(process.env.TEST_LONG);
if (!isLong) console.log('skipped: 300 MB of Redis (npm run test:long)');
const MEMORY = isLong ? 300_000_000 : 24_000_000;
const VEHICLES = isLong ? 20 : 4;
const BIG_RECORDS = isLong ? 700 : 60;

it('other vehicles are acknowledged beside one that sends records of 0.9 MB at full speed', {
  timeout: 120_000,
}, async ({ pki, startIngest }) => {
  const server = await startRedis(['--maxmemory', String(MEMORY)]);
  onTestFinished(() => server.stop());
  const ingest = await startIngest({ redisUrl: server.url });
  const vins = Array.from({ length: VEHICLES }, (_, n) => `5YJ3E1EA7KF0004${String(n).padStart(2, '0')}`);
  for (const vin of vins) pki.vehicle(vin);
  const vehicles = await Promise.all(vins.map((vin) => ingest.connect({ vin })));
  const greedy = await ingest.connect();
  for (let n = 0; n < BIG_RECORDS; n++) greedy.send({ txid: `big-${n}`, textLength: 900_000 });
  await eventually(() => ingest.counts.byteLimited > 0);
  const untilMs = performance.now() + (isLong ? 20_000 : 0);
  for (let round = 0; round < 5 || performance.now() < untilMs; round++) {
    await Promise.all(vehicles.map((vehicle) => vehicle.fence(`round-${round}`)));
  }
  expect(ingest.counts.failed).toBe(0);
  expect(greedy.acks().length).toBeLessThan(10);
  const redis = connectRedis({ url: server.url, name: 'test' });
  onTestFinished(() => redis.disconnect());
  await whenReady(redis, 5_000);
  expect((await memoryUse(redis)).usedBytes).toBeLessThan(MEMORY * 0.7);
});
