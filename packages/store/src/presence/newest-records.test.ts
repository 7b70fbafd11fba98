import { type DisposableRedis, startRedis } from '@fleetbridge/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Appender } from '../log/appender.js';
import type { RecordToAppend } from '../log/record-packing.js';
import { connectRedis, type RedisConnection, whenReady } from '../redis/connection.js';
import { Store } from '../redis/store.js';
import { lastReceivedMs } from './newest-records.js';

const NOW = 1_784_000_000_000;
const place = { partition: 0, nowMs: NOW };
let server: DisposableRedis;
let redis: RedisConnection;
let store: Store;
let appender: Appender;

beforeAll(async () => {
  server = await startRedis();
  redis = connectRedis({ url: server.url, name: 'test' });
  await whenReady(redis, 5_000);
  store = new Store({ redis, url: server.url, namespace: 'heard', partitions: 1 });
  appender = new Appender({ store, processId: () => 'p', ackReplicas: 0 });
});
afterAll(async () => {
  appender.stop();
  redis.disconnect();
  await server.stop();
});

it('is the time of the newest record, late ones do not move it back, and who was never heard has none', async () => {
  await append({ vin: 'VIN1', createdMs: NOW - 5_000 });
  await append({ vin: 'VIN1', createdMs: NOW - 60_000 });
  const heard = await lastReceivedMs(store, { ...place, vins: ['VIN1', 'VIN2'] });
  expect([...heard]).toEqual([['VIN1', NOW - 5_000]]);
  expect((await lastReceivedMs(store, { ...place, vins: [] })).size).toBe(0);
});

it('is the time of receipt of a record whose clock was ahead, not a day later', async () => {
  await append({ vin: 'VIN3', createdMs: NOW - 1_000, isClockAhead: true });
  const heard = await lastReceivedMs(store, { ...place, vins: ['VIN3'] });
  expect(heard.get('VIN3')).toBe(NOW - 1_000);
});

async function append(record: { vin: string; createdMs: number; isClockAhead?: boolean }): Promise<void> {
  const full: RecordToAppend = {
    kind: 'record',
    topic: 'V',
    txid: Buffer.from(`t${record.createdMs}`),
    receivedMs: NOW,
    version: '',
    payload: Buffer.from('x'),
    ...record,
  };
  const outcome = await new Promise((resolve) => appender.append(full, { settled: resolve }));
  expect(outcome).toBe('stored');
}
