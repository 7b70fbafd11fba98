// Settings for single topics and VINs: stored without inspection, acknowledged on receipt, written to the log, counted.
import { encodeMessage, Field, timestampOf } from '@fleetbridge/protocol';
import { eventually } from '@fleetbridge/testing';
import { describe, expect } from 'vitest';
import { OTHER_VIN, type TestIngest, VIN } from './ingest-rig.js';
import { it } from './ingest-test.js';
import { vehicleRecord } from './test-vehicle.js';

let ingest: TestIngest;

describe('EXTRA_TOPICS', () => {
  it('are stored unchanged, whatever the payload, and acknowledged; other topics go to the quarantine', async ({
    startIngest,
  }) => {
    ingest = await startIngest({ env: { EXTRA_TOPICS: 'das_summary,rfq' } });
    const vehicle = await ingest.connect();
    const payload = Buffer.from('\xff not protobuf, and no VIN', 'latin1');
    vehicle.connection.send({ ...vehicleRecord({ topic: 'das_summary', txid: 'extra' }), payload });
    vehicle.send({ topic: 'unknown_topic_name', txid: 'other' });
    await vehicle.fence();
    expect(vehicle.answers.map(({ kind, txid, topic }) => [kind, txid, topic]).sort()).toEqual([
      ['ack', 'extra', 'das_summary'],
      ['ack', 'fence', 'V'],
      ['ack', 'other', 'unknown_topic_name'],
    ]);
    expect((await ingest.entries()).slice(1)).toMatchObject([
      { vin: VIN, topic: 'das_summary', txid: 'extra', payload },
      { vin: VIN, topic: 'V', txid: 'fence' },
    ]);
    expect(ingest.counts.refused).toEqual({ unknown_topic: 1 });
    expect(ingest.counts.topics).toMatchObject({ das_summary: { records: 1 }, V: { records: 1 } });
  });

  it('are recognized as repeats by their txid alone', async ({ startIngest }) => {
    ingest = await startIngest({ env: { EXTRA_TOPICS: 'rfq' } });
    const vehicle = await ingest.connect();
    for (const topic of ['rfq', 'rfq', 'V']) vehicle.send({ topic, txid: 'same' });
    await vehicle.fence();
    expect((await ingest.entries()).slice(1).map(({ topic, txid }) => [topic, txid])).toEqual([
      ['rfq', 'same'],
      ['V', 'same'],
      ['V', 'fence'],
    ]);
  });

  it('of a foreign sender are acknowledged, counted and not stored, like known topics', async ({ startIngest }) => {
    ingest = await startIngest({ env: { EXTRA_TOPICS: 'rfq' } });
    const vehicle = await ingest.connect();
    vehicle.send({ topic: 'rfq', txid: 'foreign', senderId: `vehicle_device.${OTHER_VIN}` });
    await vehicle.fence();
    expect(vehicle.acks()).toContain('foreign');
    expect(ingest.counts.refused).toEqual({ unauthorized_sender_id: 1 });
    expect(await ingest.story()).toEqual(['CONNECTED', 'fence']);
  });
});

describe('ACK_ON_RECEIVE', () => {
  it('acknowledges its topics while Redis does not answer, and stores them later; other topics wait', async ({
    redisServer,
    startIngest,
  }) => {
    ingest = await startIngest({ env: { ACK_ON_RECEIVE: 'alerts' } });
    const vehicle = await ingest.connect();
    await vehicle.fence('before');
    redisServer.pause();
    vehicle.send({ txid: 'waits' });
    for (const txid of ['early', 'early too']) {
      vehicle.connection.send({ ...vehicleRecord({ topic: 'alerts', txid }), payload: Buffer.alloc(0) });
    }
    await eventually(() => vehicle.acks().length === 3);
    expect(vehicle.acks()).toEqual(['before', 'early', 'early too']);
    redisServer.resume();
    await eventually(() => vehicle.acks().length === 4);
    expect(vehicle.acks()[3]).toBe('waits');
    expect(await ingest.story()).toEqual(['CONNECTED', 'before', 'waits', 'early', 'early too']);
    expect(ingest.counts).toMatchObject({ acknowledged: 4, stored: 4, lost: 0 });
  });

  it('counts the records that are lost by it', async ({ startIngest }) => {
    ingest = await startIngest({ env: { ACK_ON_RECEIVE: 'V' } });
    const vehicle = await ingest.connect();
    await vehicle.fence('before');
    const repair = await ingest.breakLog();
    await vehicle.fence('gone');
    await eventually(() => ingest.counts.lost === 1);
    await repair();
    expect(ingest.counts).toMatchObject({ acknowledged: 2, failed: 1, lost: 1 });
    expect((await ingest.admin('/metrics')).text).toMatch(/fleetbridge_ingest_lost_total\{.*\} 1/);
  });

  it('does not disable the limit of unsettled records', async ({ redisServer, startIngest }) => {
    ingest = await startIngest({ env: { ACK_ON_RECEIVE: 'V' } });
    const vehicle = await ingest.connect();
    await vehicle.fence('before');
    redisServer.pause();
    for (let n = 0; n < 2_000; n++) vehicle.send({ txid: `tx-${n}`, textLength: 300 });
    await eventually(() => ingest.connections.pausedSockets === 1);
    expect(ingest.appender.unsettledRecords).toBeLessThan(256 + 65_536 / 300);
    redisServer.resume();
    await eventually(() => vehicle.acks().length === 2_001);
    expect(ingest.connections.pausedSockets).toBe(0);
  });
});

describe('LOG_RECORDS', () => {
  const logged = () => ingest.lines.filter(({ event }) => event === 'record_payload');
  const payload = encodeMessage('V', {
    vin: 'ANOTHER VIN',
    createdAt: timestampOf(Date.UTC(2026, 6, 1)),
    data: [
      { key: Field.Soc, value: { doubleValue: 52.5 } },
      { key: Field.Location, value: { locationValue: { latitude: 1, longitude: 2 } } },
    ],
  });

  it('logs each record of its topics with the VIN of the certificate, and connectivity records of the server', async ({
    startIngest,
  }) => {
    ingest = await startIngest({ env: { LOG_RECORDS: 'V,connectivity,rfq', EXTRA_TOPICS: 'rfq' } });
    const vehicle = await ingest.connect();
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

  it('is off unless a topic is configured: no log line contains a record', async ({ startIngest }) => {
    ingest = await startIngest({ env: {} });
    const vehicle = await ingest.connect();
    vehicle.connection.send({ ...vehicleRecord({ txid: 'a' }), payload });
    await vehicle.fence();
    expect(logged()).toEqual([]);
    expect(JSON.stringify(ingest.lines)).not.toMatch(/latitude|Soc/);
  });
});

it('SIGNAL_COUNT_VINS counts the signals of its vehicles only', async ({ startIngest }) => {
  ingest = await startIngest({ env: { SIGNAL_COUNT_VINS: VIN.toLowerCase() } });
  const vehicle = await ingest.connect();
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
