import { expect } from 'vitest';
import { Appender } from '../log/appender.js';
import type { RecordToAppend } from '../log/record-packing.js';
import type { Store } from '../redis/store.js';
import { it } from '../testing/index.js';
import { lastReceivedMs } from './newest-records.js';

const NOW = 1_784_000_000_000;
const request = { partition: 0, nowMs: NOW };

it('is the time of the newest record, unchanged by late ones, and absent without a record', async ({ store }) => {
  await append(store, { vin: 'VIN1', createdMs: NOW - 5_000 });
  await append(store, { vin: 'VIN1', createdMs: NOW - 60_000 });
  const received = await lastReceivedMs(store, { ...request, vins: ['VIN1', 'VIN2'] });
  expect([...received]).toEqual([['VIN1', NOW - 5_000]]);
  expect((await lastReceivedMs(store, { ...request, vins: [] })).size).toBe(0);
});

it('is the receive time of a record from a vehicle with a fast clock, not a day later', async ({ store }) => {
  await append(store, { vin: 'VIN3', createdMs: Date.now() + 3_600_000 });
  const nowMs = Date.now();
  const received = await lastReceivedMs(store, { partition: 0, nowMs, vins: ['VIN3'] });
  expect(Math.abs(received.get('VIN3')! - nowMs)).toBeLessThan(5_000);
});

async function append(store: Store, record: { vin: string; createdMs: number }): Promise<void> {
  const appender = new Appender({ store, processId: () => 'p' });
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
  appender.stop();
  expect(outcome).toBe('stored');
}
