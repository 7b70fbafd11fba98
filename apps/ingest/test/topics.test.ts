// What an operator can say of single topics: stored beside the four, acknowledged early, written to the log, counted.
import { encodeMessage, Field, timestampOf } from '@fleetbridge/protocol';
import { type DisposableRedis, eventually, startRedis } from '@fleetbridge/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createTestPki, OTHER_VIN, startTestIngest, type TestIngest, type TestPki, VIN } from './ingest-rig.js';
import { vehicleRecord } from './test-vehicle.js';

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

const start = async (env: Record<string, string>) => {
  ingest = await startTestIngest({ redisUrl: redis.url, pki, env });
  return await ingest.connect();
};

describe('EXTRA_TOPICS', () => {
  it('are stored as they come, whatever the payload is, and acknowledged; others go to the quarantine', async () => {
    const vehicle = await start({ EXTRA_TOPICS: 'das_summary,rfq' });
    const payload = Buffer.from('\xff not protobuf, and no VIN', 'latin1');
    vehicle.connection.send({ ...vehicleRecord({ topic: 'das_summary', txid: 'extra' }), payload });
    vehicle.send({ topic: 'unheard_of', txid: 'other' });
    await vehicle.fence();
    expect(vehicle.answers.map(({ kind, txid, topic }) => [kind, txid, topic]).sort()).toEqual([
      ['ack', 'extra', 'das_summary'],
      ['ack', 'fence', 'V'],
      ['ack', 'other', 'unheard_of'],
    ]);
    expect((await ingest.entries()).slice(1)).toMatchObject([
      { vin: VIN, topic: 'das_summary', txid: 'extra', payload },
      { vin: VIN, topic: 'V', txid: 'fence' },
    ]);
    expect(ingest.counts.refused).toEqual({ unknown_topic: 1 });
    expect(ingest.counts.topics).toMatchObject({ das_summary: { records: 1 }, V: { records: 1 } });
  });

  it('are known as repeats by their txid alone', async () => {
    const vehicle = await start({ EXTRA_TOPICS: 'rfq' });
    for (const topic of ['rfq', 'rfq', 'V']) vehicle.send({ topic, txid: 'same' });
    await vehicle.fence();
    expect((await ingest.entries()).slice(1).map(({ topic, txid }) => [topic, txid])).toEqual([
      ['rfq', 'same'],
      ['V', 'same'],
      ['V', 'fence'],
    ]);
  });

  it('of a foreign sender are acknowledged, counted and not stored, as for the four', async () => {
    const vehicle = await start({ EXTRA_TOPICS: 'rfq' });
    vehicle.send({ topic: 'rfq', txid: 'foreign', senderId: `vehicle_device.${OTHER_VIN}` });
    await vehicle.fence();
    expect(vehicle.acks()).toContain('foreign');
    expect(ingest.counts.refused).toEqual({ unauthorized_sender_id: 1 });
    expect(await ingest.story()).toEqual(['CONNECTED', 'fence']);
  });
});

describe('ACK_ON_RECEIVE', () => {
  it('acknowledges its topics while Redis is silent, and stores them when it is back; others wait', async () => {
    const vehicle = await start({ ACK_ON_RECEIVE: 'alerts' });
    await vehicle.fence('before');
    redis.pause();
    vehicle.send({ txid: 'waits' });
    for (const txid of ['early', 'early too']) {
      vehicle.connection.send({ ...vehicleRecord({ topic: 'alerts', txid }), payload: Buffer.alloc(0) });
    }
    await eventually(() => vehicle.acks().length === 3);
    expect(vehicle.acks()).toEqual(['before', 'early', 'early too']);
    redis.resume();
    await eventually(() => vehicle.acks().length === 4);
    expect(vehicle.acks()[3]).toBe('waits');
    expect(await ingest.story()).toEqual(['CONNECTED', 'before', 'waits', 'early', 'early too']);
    expect(ingest.counts).toMatchObject({ acknowledged: 4, stored: 4, lost: 0 });
  });

  it('counts what is lost by it', async () => {
    const vehicle = await start({ ACK_ON_RECEIVE: 'V' });
    await vehicle.fence('before');
    const mend = await ingest.breakLog();
    await vehicle.fence('gone');
    await eventually(() => ingest.counts.lost === 1);
    await mend();
    expect(ingest.counts).toMatchObject({ acknowledged: 2, failed: 1, lost: 1 });
    expect((await ingest.admin('/metrics')).text).toMatch(/fleetbridge_ingest_lost_total\{.*\} 1/);
  });

  it('keeps to the window all the same: what is under way is bounded', async () => {
    const vehicle = await start({ ACK_ON_RECEIVE: 'V' });
    await vehicle.fence('before');
    redis.pause();
    for (let n = 0; n < 2_000; n++) vehicle.send({ txid: `tx-${n}`, textLength: 300 });
    await eventually(() => ingest.connections.pausedSockets === 1);
    expect(ingest.appender.unsettledRecords).toBeLessThan(256 + 65_536 / 300);
    redis.resume();
    await eventually(() => vehicle.acks().length === 2_001);
    expect(ingest.connections.pausedSockets).toBe(0);
  });
});

describe('LOG_RECORDS', () => {
  const logged = () => ingest.lines.filter(({ event }) => event === 'record_payload');
  const payload = encodeMessage('V', {
    vin: 'SOMEBODY ELSE',
    createdAt: timestampOf(Date.UTC(2026, 6, 1)),
    data: [
      { key: Field.Soc, value: { doubleValue: 52.5 } },
      { key: Field.Location, value: { locationValue: { latitude: 1, longitude: 2 } } },
    ],
  });

  it('writes a line for each record of its topics, with the VIN of the certificate, and for what the server says itself', async () => {
    const vehicle = await start({ LOG_RECORDS: 'V,connectivity,rfq', EXTRA_TOPICS: 'rfq' });
    vehicle.connection.send({ ...vehicleRecord({ txid: 'a' }), payload });
    vehicle.send({ topic: 'alerts', txid: 'b' });
    vehicle.send({ topic: 'rfq', txid: 'c' });
    await eventually(() => vehicle.answers.length === 3);
    expect(logged()).toMatchObject([
      { level: 'info', vin: VIN, metadata: { txtype: 'connectivity' }, data: { Vin: VIN, Status: 'CONNECTED' } },
      {
        vin: VIN,
        metadata: { txid: 'a', txtype: 'V', receivedat: expect.any(Number) },
        data: { Vin: VIN, CreatedAt: '2026-07-01T00:00:00Z', Soc: 52.5, Location: { latitude: 1, longitude: 2 } },
      },
      { vin: VIN, metadata: { txid: 'c', txtype: 'rfq' } },
    ]);
  });

  it('is off unless a topic is named: no line holds a record', async () => {
    const vehicle = await start({});
    vehicle.connection.send({ ...vehicleRecord({ txid: 'a' }), payload });
    await vehicle.fence();
    expect(logged()).toEqual([]);
    expect(JSON.stringify(ingest.lines)).not.toMatch(/latitude|Soc/);
  });
});

it('SIGNAL_COUNT_VINS counts the signals of its vehicles, and of no other', async () => {
  const vehicle = await start({ SIGNAL_COUNT_VINS: VIN.toLowerCase() });
  const other = await ingest.connect({ vin: OTHER_VIN });
  await vehicle.fence('a');
  await vehicle.fence('b');
  await other.fence();
  const { text } = await ingest.admin('/metrics');
  const lines = text.split('\n').filter((line) => line.startsWith('vin_signal_count{'));
  expect(lines).toHaveLength(2);
  expect(lines.find((line) => line.includes('record_type="V"'))).toMatch(new RegExp(`vin="${VIN}".* 2$`));
  expect(lines.find((line) => line.includes('record_type="connectivity"'))).toMatch(/ 0$/);
});
