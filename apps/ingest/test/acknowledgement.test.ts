// The guarantees of ingest: an acknowledged record is stored, once and in order, and no record that was read is lost.
import { eventually, startRedis, startTcpRelay } from '@fleetbridge/testing';
import { describe, expect } from 'vitest';
import { OTHER_VIN, VIN } from './ingest-rig.js';
import { it } from './ingest-test.js';

const SPEED = 4;

/** One vehicle sends more than the default of a minute. */
const noByteLimit = { VEHICLE_BYTES_PER_MINUTE: '0' };

describe('an ack', () => {
  it('is sent after Redis has answered, not before', async ({ redisServer, startIngest }) => {
    const ingest = await startIngest();
    const vehicle = await ingest.connect();
    await vehicle.fence('before');
    redisServer.pause();
    vehicle.send({ txid: 'waits' });
    await eventually(() => ingest.appender.unsettledRecords === 1);
    await vehicle.fenceWithoutLog();
    expect(vehicle.acks()).toEqual(['before']);
    redisServer.resume();
    await eventually(() => vehicle.acks().length === 2);
    expect(vehicle.acks()).toEqual(['before', 'waits']);
    expect(await ingest.story()).toEqual(['CONNECTED', 'before', 'waits']);
  });

  it('is sent for a repeat too, marked or not, and the record is stored once', async ({ startIngest }) => {
    const ingest = await startIngest();
    const first = await ingest.connect();
    for (const txid of ['a', 'b', 'c']) first.send({ txid });
    await eventually(() => first.acks().length === 3);
    first.connection.terminate();

    const second = await ingest.connect();
    second.send({ txid: 'a', isResend: true });
    second.send({ txid: 'b' });
    second.send({ txid: 'd' });
    second.send({ txid: 'c', isResend: true });
    await eventually(() => second.acks().length === 4);
    expect(second.acks()).toEqual(['a', 'b', 'd', 'c']);
    expect((await ingest.story()).filter((event) => event.length === 1)).toEqual(['a', 'b', 'c', 'd']);
    expect(ingest.counts).toMatchObject({ stored: 4, repeats: 3, acknowledged: 7 });
  });

  it('is sent for a marked repeat long after the vehicle connected', async ({ startIngest }) => {
    let nowMs = Date.now();
    const ingest = await startIngest({ now: () => nowMs, monotonicNow: () => nowMs });
    const vehicle = await ingest.connect();
    await vehicle.fence('a');
    nowMs += 3_600_000;
    vehicle.send({ txid: 'a', isResend: true });
    await vehicle.fence('b');
    expect(vehicle.acks()).toEqual(['a', 'a', 'b']);
    expect(await ingest.story()).toEqual(['CONNECTED', 'a', 'b']);
  });

  it('of one vehicle does not affect the same txid of another vehicle', async ({ startIngest }) => {
    const ingest = await startIngest();
    const [one, other] = [await ingest.connect(), await ingest.connect({ vin: OTHER_VIN })];
    await one.fence('same');
    await other.fence('same');
    expect((await ingest.entries()).map(({ vin, topic }) => [vin, topic])).toEqual([
      [VIN, 'connectivity'],
      [OTHER_VIN, 'connectivity'],
      [VIN, 'V'],
      [OTHER_VIN, 'V'],
    ]);
  });

  it('is not sent for a record that Redis rejects; the connection stays open', async ({ startIngest }) => {
    const ingest = await startIngest();
    const vehicle = await ingest.connect();
    await vehicle.fence('before');
    const repair = await ingest.breakLog();
    vehicle.send({ txid: 'rejected' });
    await eventually(() => ingest.counts.failed === 1);
    await repair();
    await vehicle.fence('after');
    expect(vehicle.acks()).toEqual(['before', 'after']);
  });
});

describe('a vehicle that sends 10,000 records at once', () => {
  it('is paused at the window, and all are stored in order and acknowledged', async ({ redisServer, startIngest }) => {
    const ingest = await startIngest({ env: noByteLimit });
    const [vehicle, other] = [await ingest.connect(), await ingest.connect({ vin: OTHER_VIN })];
    await vehicle.fence('first');
    redisServer.pause();
    const txids = Array.from({ length: 10_000 }, (_, n) => `tx-${n}`);
    for (const txid of txids) vehicle.send({ txid, textLength: 300 });
    await eventually(() => ingest.connections.pausedSockets === 1);
    // time enough for ingest to read more than it should
    for (let round = 0; round < 20; round++) await other.fenceWithoutLog();
    // Records in the same chunk as the one that filled the window are accepted too: at most one read of a socket.
    expect(ingest.appender.unsettledRecords).toBeGreaterThanOrEqual(256);
    expect(ingest.appender.unsettledRecords).toBeLessThan(256 + 65_536 / 300);
    redisServer.resume();
    await eventually(() => vehicle.acks().length === 10_001);
    expect(vehicle.acks()).toEqual(['first', ...txids]);
    expect(await ingest.story()).toEqual(['CONNECTED', 'CONNECTED', 'first', ...txids]);
    expect(ingest.connections.pausedSockets).toBe(0);
    expect(ingest.appender).toMatchObject({ unsettledRecords: 0, unsettledBytes: 0 });
  });

  it('does not delay other vehicles', async ({ startIngest }) => {
    const ingest = await startIngest({ env: noByteLimit });
    const [busy, calm] = [await ingest.connect(), await ingest.connect({ vin: OTHER_VIN })];
    for (let n = 0; n < 10_000; n++) busy.send({ txid: `tx-${n}`, textLength: 300 });
    await calm.fence();
    expect(busy.acks().length).toBeLessThan(10_000);
    await eventually(() => busy.acks().length === 10_000);
  });

  it('and loses its connection during the acks resends all of them: each is stored once, in order', async ({
    startIngest,
  }) => {
    const ingest = await startIngest();
    const txids = Array.from({ length: 1_000 }, (_, n) => `tx-${n}`);
    const first = await ingest.connect();
    for (const txid of txids) first.send({ txid, textLength: 300 });
    await eventually(() => first.acks().length > 0);
    first.connection.terminate();
    const second = await ingest.connect();
    for (const txid of txids) second.send({ txid, textLength: 300, isResend: true });
    await eventually(() => second.acks().length === 1_000);
    expect(second.acks()).toEqual(txids);
    expect((await ingest.story()).filter((event) => event.startsWith('tx-'))).toEqual(txids);
  });
});

describe('a process with too many unsettled bytes', () => {
  it('pauses every socket that sends, and resumes all of them when the log has caught up', async ({
    redisServer,
    startIngest,
  }) => {
    const ingest = await startIngest({ maxUnsettledBytes: 500_000 });
    const big = { textLength: 400_000 };
    const [first, small, ...others] = await Promise.all(
      Array.from({ length: 7 }, (_, n) => ingest.connect({ vin: `5YJ3E1EA7KF00010${n}` })),
    );
    await Promise.all([first, small, ...others].map((vehicle) => vehicle!.fence('before')));
    redisServer.pause();
    for (let n = 0; n < 2; n++) first!.send({ txid: `first-${n}`, ...big });
    await eventually(() => ingest.connections.pausedSockets === 1);
    // Its record is stored while the process is still over the limit, so only the registry can resume it.
    small!.send({ txid: 'small' });
    await eventually(() => ingest.connections.pausedSockets === 2);
    for (const vehicle of others) vehicle.send({ txid: 'big', ...big });
    await eventually(() => ingest.connections.pausedSockets === 7);
    redisServer.resume();
    await small!.fence('after');
    await Promise.all([first, ...others].map((vehicle) => vehicle!.fence('after')));
    expect(first!.acks()).toEqual(['before', 'first-0', 'first-1', 'after']);
    expect(small!.acks()).toEqual(['before', 'small', 'after']);
    expect(ingest.connections.pausedSockets).toBe(0);
  });
});

describe('a vehicle that never reads its acks', () => {
  it('is disconnected, and other vehicles continue', async ({ startIngest }) => {
    const ingest = await startIngest({ env: noByteLimit });
    const [slow, other] = [await ingest.connect(), await ingest.connect({ vin: OTHER_VIN })];
    slow.connection.pause();
    // acks repeat the txid, so long txids fill the kernel buffers faster
    const padding = 'x'.repeat(900);
    let sent = 0;
    const more = () => {
      while (slow.connection.isOpen && slow.connection.bufferedBytes < 500_000)
        slow.send({ txid: `${sent++}${padding}` });
      return ingest.counts.ended.answers_unread === 1;
    };
    await eventually(more);
    await other.fence();
    await eventually(async () => (await ingest.entries()).filter(({ topic }) => topic === 'connectivity').length === 3);
    expect(await ingest.presence.of(VIN)).toBeUndefined();
    expect(await ingest.presence.of(OTHER_VIN)).toBeDefined();
  });
});

describe('Redis killed under load', () => {
  it('loses no record, and every record is stored once and in order', async ({ startIngest }) => {
    const own = await startRedis();
    const ingest = await startIngest({ redisUrl: own.url });
    const vehicles = [VIN, OTHER_VIN, '5YJ3E1EA7KF000003'].map((vin) => ingest.simulate(vin));
    const send = () => {
      for (const vehicle of vehicles) for (let n = 0; n < 20; n++) vehicle.send([speed(n)]);
    };
    const load = setInterval(send, 5);
    for (let round = 0; round < 3; round++) {
      const before = ingest.counts.acknowledged;
      await eventually(() => ingest.counts.acknowledged > before + 300);
      await own.kill();
      await eventually(async () => (await ingest.admin('/readyz')).status === 503);
      // one vehicle also loses its connection while Redis is away
      vehicles[round]!.cutConnection();
      await own.start();
      await eventually(async () => (await ingest.admin('/readyz')).status === 200);
    }
    clearInterval(load);
    for (const vehicle of vehicles) expect(await vehicle.finish(20_000)).toBe(0);

    const entries = await ingest.entries();
    for (const { vin, ledger } of vehicles) {
      const stored = entries.filter((entry) => entry.vin === vin && entry.topic === 'V').map(({ txid }) => txid);
      expect(stored).toEqual([...ledger.records.keys()]);
      expect(ledger.acknowledged.size).toBe(ledger.records.size);
      expect(ledger.errorAnswers).toEqual([]);
    }
    await ingest.dispose();
    await own.stop();
  });

  it('stores a record once when the reply to its append was lost', async ({ redisServer, startIngest }) => {
    const relay = await startTcpRelay(redisServer.port);
    const ingest = await startIngest({ ingestRedisUrl: `redis://127.0.0.1:${relay.port}` });
    const vehicle = await ingest.connect();
    await vehicle.fence('before');
    relay.losesAnswers = true;
    for (let n = 0; n < 20; n++) vehicle.send({ txid: `lost-${n}` });
    await eventually(async () => (await ingest.entries()).length > 2);
    vehicle.send({ txid: 'later' });
    expect(vehicle.acks()).toEqual(['before']);
    relay.losesAnswers = false;
    relay.cut();
    await eventually(() => vehicle.acks().length === 22);
    const txids = ['before', ...Array.from({ length: 20 }, (_, n) => `lost-${n}`), 'later'];
    expect(vehicle.acks()).toEqual(txids);
    expect(await ingest.story()).toEqual(['CONNECTED', ...txids]);
    await ingest.dispose();
    await relay.stop();
  });
});

function speed(value: number) {
  return { key: SPEED, value: { doubleValue: value } };
}
