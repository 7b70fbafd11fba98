import { Field } from '@fleetbridge/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type Answer,
  caPem,
  type ReceivedRecord,
  startVehicleServer,
  until,
  vehicleIdentity,
} from '../../test/vehicle-server.js';
import { payloadDigest } from './ledger.js';
import { SimulatedVehicle, type SimulatedVehicleEvent, type SimulatedVehicleOptions } from './vehicle.js';

const identity = vehicleIdentity('5YJ3E1EA7KF000001');
const disposables: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const dispose of disposables.splice(0).reverse()) await dispose();
});

async function vehicleAndServer(
  answer: (record: ReceivedRecord) => Answer,
  options: Partial<SimulatedVehicleOptions> = {},
) {
  const server = await startVehicleServer(answer);
  const events: SimulatedVehicleEvent[] = [];
  const vehicle = new SimulatedVehicle({
    ...identity,
    caPem,
    url: server.url,
    reconnect: { minimumMs: 2, maximumMs: 10 },
    plan: [],
    onEvent: (event) => events.push(event),
    ...options,
  });
  disposables.push(
    () => server.stop(),
    () => vehicle.stop(),
  );
  vehicle.start();
  return { server, vehicle, events };
}

const speed = (mph: number) => [{ key: Field.VehicleSpeed, value: { doubleValue: mph } }];
const delivered = (records: ReceivedRecord[]) => records.map(({ txid, connection }) => ({ txid, connection }));

describe('a simulated vehicle and its server', () => {
  it('sends the headers and the sender id of a vehicle', async () => {
    const { server, vehicle } = await vehicleAndServer(() => 'ack', { version: '2026.1', networkInterface: 'wifi' });
    vehicle.send(speed(10), 1_760_000_000_123);
    await until(() => vehicle.ledger.acknowledged.size === 1);
    expect(server.headers[0]).toMatchObject({ version: '2026.1', 'x-network-interface': 'wifi' });
    expect(server.headers[0]!['x-txid']).toMatch(/^[0-9a-f-]{36}$/);
    expect(server.records[0]).toMatchObject({
      senderId: `vehicle_device.${identity.vin}`,
      message: { vin: identity.vin, createdAt: { nanos: 123_000_000 } },
    });
  });

  it('resends unacknowledged records first, oldest first, with the same txid and is_resend', async () => {
    let isDown = false;
    const { server, vehicle } = await vehicleAndServer((record) => {
      if (record.connection > 1) return 'ack';
      if (record.message.data![0]!.value!.doubleValue! < 3) return 'ack';
      return isDown ? 'drop' : 'nothing';
    });
    const txids = [1, 2, 3, 4, 5].map((mph) => vehicle.send(speed(mph)));
    await until(() => server.records.length === 5 && vehicle.ledger.acknowledged.size === 2);
    isDown = true;
    txids.push(vehicle.send(speed(6)), vehicle.send(speed(7)));
    expect(await vehicle.finish()).toBe(0);

    const second = server.records.filter(({ connection }) => connection === 2);
    expect(second.map(({ txid }) => txid)).toEqual(txids.slice(2));
    for (const repeat of second) {
      // All of them were sent before, also those that the server did not read.
      expect(repeat.message.isResend).toBe(true);
      const before = server.records.find(({ txid, connection }) => connection === 1 && txid === repeat.txid);
      if (before === undefined) continue;
      expect(repeat.message.createdAt).toEqual(before.message.createdAt);
      expect(before.message.isResend ?? false).toBe(false);
    }
    expect([...vehicle.ledger.acknowledged.keys()]).toEqual(txids);
    expect(vehicle.ledger).toMatchObject({ connections: 2, unknownAcks: [], errorAnswers: [] });
    expect(vehicle.ledger.resends).toBe(5);
    expect(vehicle.ledger.records.get(txids[2]!)!.sends).toBe(2);
  });

  it('loses no record when the connection breaks repeatedly', async () => {
    let received = 0;
    const { server, vehicle } = await vehicleAndServer(
      () => (++received % 25 === 0 && received <= 250 ? 'drop' : 'ack'),
      {
        timeScale: 600,
        plan: [
          { phase: 'drive', seconds: 60 },
          { phase: 'park', seconds: 20 },
          { phase: 'charge', seconds: 30 },
          { phase: 'sleep', seconds: 30 },
        ],
      },
    );
    await until(() => vehicle.ledger.acknowledged.size > 300, 20_000);
    expect(await vehicle.finish(20_000)).toBe(0);

    const { ledger } = vehicle;
    expect(ledger.connections).toBeGreaterThan(5);
    expect(ledger.resends).toBeGreaterThan(5);
    expect([...ledger.acknowledged.keys()].sort()).toEqual([...ledger.records.keys()].sort());
    expect(new Set(server.records.map(({ txid }) => txid))).toEqual(new Set(ledger.records.keys()));
    for (const { txid, payload, message } of server.records) {
      const entry = ledger.records.get(txid)!;
      expect(payloadDigest(payload)).toBe(entry.digest);
      expect(Number(message.createdAt!.seconds) * 1000 + message.createdAt!.nanos! / 1e6).toBe(entry.createdMs);
    }
    // Within a connection, the first deliveries are in the order of creation.
    const seen = new Set<string>();
    const firsts = server.records.filter(({ txid }) => !seen.has(txid) && seen.add(txid));
    expect(firsts.map(({ txid }) => txid)).toEqual([...ledger.records.keys()]);
  });

  it('advances in scaled time, from the past and never beyond the present', async () => {
    const startedMs = Date.now();
    const { vehicle } = await vehicleAndServer(() => 'ack', {
      timeScale: 1000,
      startMs: startedMs - 60_000,
      plan: [{ phase: 'drive', seconds: 600 }],
    });
    // Until its clock has reached the present.
    const latestMs = () => [...vehicle.ledger.records.values()].at(-1)?.createdMs ?? 0;
    await until(() => latestMs() > startedMs);
    await vehicle.finish();
    const times = [...vehicle.ledger.records.values()].map(({ createdMs }) => createdMs);
    expect(times[0]! - (startedMs - 60_000)).toBeLessThanOrEqual(1_000);
    expect(times.at(-1)! - times[0]!).toBeGreaterThan(30_000);
    for (const { createdMs, sentMs } of vehicle.ledger.records.values()) expect(createdMs).toBeLessThanOrEqual(sentMs!);
  });

  it('disconnects while it sleeps and reconnects when it wakes', async () => {
    const { vehicle, events } = await vehicleAndServer(() => 'ack', {
      timeScale: 100,
      plan: [
        { phase: 'park', seconds: 10 },
        { phase: 'sleep', seconds: 20 },
      ],
    });
    await until(() => events.filter(({ type }) => type === 'connected').length === 3, 20_000);
    await vehicle.stop();
    const sequence = events.map((event) => (event.type === 'phase' ? event.phase : event.type));
    const sleepAt = sequence.indexOf('sleep');
    expect(
      sequence.slice(sleepAt, sleepAt + 4).filter((step) => step === 'connected' || step === 'disconnected')[0],
    ).toBe('disconnected');
    expect(sequence.filter((step) => step === 'connect_failed')).toEqual([]);
    for (const event of events) if (event.type === 'disconnected') expect(event.code).toBe(1000);
  });

  it('drops a record that the server can not read, and records it in the ledger', async () => {
    const { server, vehicle } = await vehicleAndServer(({ message }) =>
      message.data![0]!.value!.doubleValue === 2 ? 'error' : 'ack',
    );
    const [first, bad, last] = [1, 2, 3].map((mph) => vehicle.send(speed(mph)));
    expect(await vehicle.finish()).toBe(0);
    expect(delivered(server.records)).toHaveLength(3);
    expect([...vehicle.ledger.acknowledged.keys()]).toEqual([first, last]);
    expect(vehicle.ledger.errorAnswers).toEqual([bad]);
    expect(vehicle.ledger.records.get(bad!)!.isRefused).toBe(true);
  });

  it('keeps a bounded backlog and a bounded ledger', async () => {
    const { vehicle } = await vehicleAndServer(() => 'nothing', { backlogRecords: 10, inFlight: 4, ledgerRecords: 20 });
    await until(() => vehicle.isConnected);
    for (let mph = 0; mph < 30; mph++) vehicle.send(speed(mph));
    expect(vehicle.pending).toBe(10);
    expect(vehicle.ledger.dropped).toBe(20);
    expect(vehicle.ledger.records.size).toBe(20);
    expect(vehicle.ledger.evicted).toBe(10);
    expect([...vehicle.ledger.records.values()].filter(({ isDropped }) => isDropped)).toHaveLength(14);
    expect(await vehicle.finish(5)).toBe(10);
  });

  it('counts acks of records that it never sent', async () => {
    const { server, vehicle } = await vehicleAndServer(() => 'ack');
    await until(() => server.sockets.length === 1);
    const { buildAck, writeRecordEnvelope, readEnvelope, Envelope } = await import('@fleetbridge/protocol');
    const bytes = writeRecordEnvelope({ txid: 'unknown', topic: 'V', payload: Buffer.alloc(0) });
    const envelope = readEnvelope(bytes);
    if (!(envelope instanceof Envelope)) throw new Error('unreadable');
    server.sockets[0]!.send(
      buildAck(bytes, envelope.txidStart, envelope.txidEnd, envelope.topicStart, envelope.topicEnd),
    );
    await until(() => vehicle.ledger.unknownAcks.length === 1);
    expect(vehicle.ledger.unknownAcks).toEqual(['unknown']);
  });

  it('continues to reconnect without an event listener', async () => {
    const vehicle = new SimulatedVehicle({
      ...identity,
      caPem,
      url: 'wss://127.0.0.1:1/',
      reconnect: { minimumMs: 2, maximumMs: 4 },
      plan: [],
    });
    disposables.push(() => vehicle.stop());
    vehicle.start();
    await until(() => vehicle.ledger.failedConnections >= 3);
    expect(vehicle.isConnected).toBe(false);
  });

  it('leaves a server whose name is not resolved, for another one', async () => {
    const { server, vehicle } = await vehicleAndServer(() => 'ack', {
      url: 'wss://slow.example.com:1/',
      lookup: (name) => (name === 'slow.example.com' ? new Promise(() => {}) : '127.0.0.1'),
    });
    await vehicle.connectTo({ url: server.url, caPem, ...identity });
    await until(() => vehicle.isConnected);
    expect(vehicle.ledger.failedConnections).toBe(0);
  });

  it('backs off with jitter while the server is away', async () => {
    const { vehicle, server, events } = await vehicleAndServer(() => 'ack', {
      reconnect: { minimumMs: 2, maximumMs: 16 },
    });
    await until(() => vehicle.isConnected);
    vehicle.send(speed(1));
    await until(() => vehicle.ledger.acknowledged.size === 1);
    await server.stop();
    disposables.splice(0, 1);
    await until(() => vehicle.ledger.failedConnections >= 5);
    const waits = events.flatMap((event) => (event.type === 'connect_failed' ? [event.retryMs] : []));
    // The first wait (2 ms) came before the first failure.
    for (const [index, wholeMs] of [4, 8, 16, 16].entries()) {
      expect(waits[index]).toBeGreaterThanOrEqual(wholeMs / 2);
      expect(waits[index]).toBeLessThanOrEqual(wholeMs);
    }
  });
});
