// The promise of ingest: acknowledged means stored, stored once and in order; and nothing that was read is lost.
import { type DisposableRedis, eventually, startRedis, startTcpRelay } from '@fleetbridge/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createTestPki, OTHER_VIN, startTestIngest, type TestIngest, type TestPki, VIN } from './ingest-rig.js';

const SPEED = 4;
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

describe('an ack', () => {
  it('comes after Redis has answered, and not before', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki });
    const vehicle = await ingest.connect();
    await vehicle.fence('before');
    redis.pause();
    vehicle.send({ txid: 'waits' });
    await eventually(() => ingest.appender.unsettledRecords === 1);
    await vehicle.fenceWithoutLog();
    expect(vehicle.acks()).toEqual(['before']);
    redis.resume();
    await eventually(() => vehicle.acks().length === 2);
    expect(vehicle.acks()).toEqual(['before', 'waits']);
    expect(await ingest.story()).toEqual(['CONNECTED', 'before', 'waits']);
  });

  it('is given for a repeat too, marked or not, and the record is stored once', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki });
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

  it('is given for a marked repeat also long after the connection began', async () => {
    let nowMs = Date.now();
    ingest = await startTestIngest({ redisUrl: redis.url, pki, now: () => nowMs });
    const vehicle = await ingest.connect();
    await vehicle.fence('a');
    nowMs += 3_600_000;
    vehicle.send({ txid: 'a', isResend: true });
    await vehicle.fence('b');
    expect(vehicle.acks()).toEqual(['a', 'a', 'b']);
    expect(await ingest.story()).toEqual(['CONNECTED', 'a', 'b']);
  });

  it('of one vehicle does not release the same txid of another', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki });
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

  it('is withheld for a record that Redis refuses for good; the connection goes on', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki });
    const vehicle = await ingest.connect();
    await vehicle.fence('before');
    const mend = await ingest.breakLog();
    vehicle.send({ txid: 'refused' });
    await eventually(() => ingest.counts.failed === 1);
    await mend();
    await vehicle.fence('after');
    expect(vehicle.acks()).toEqual(['before', 'after']);
  });
});

describe('a vehicle that sends 10,000 records at once', () => {
  it('is paused at the window, and all are stored in order and acknowledged', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki });
    const [vehicle, other] = [await ingest.connect(), await ingest.connect({ vin: OTHER_VIN })];
    await vehicle.fence('first');
    redis.pause();
    const txids = Array.from({ length: 10_000 }, (_, n) => `tx-${n}`);
    for (const txid of txids) vehicle.send({ txid, textLength: 300 });
    await eventually(() => ingest.connections.pausedSockets === 1);
    // Time enough to read on, if it did.
    for (let round = 0; round < 20; round++) await other.fenceWithoutLog();
    // What had arrived together with the record that filled the window is taken too: at most one read of a socket.
    expect(ingest.appender.unsettledRecords).toBeGreaterThanOrEqual(256);
    expect(ingest.appender.unsettledRecords).toBeLessThan(256 + 65_536 / 300);
    redis.resume();
    await eventually(() => vehicle.acks().length === 10_001);
    expect(vehicle.acks()).toEqual(['first', ...txids]);
    expect(await ingest.story()).toEqual(['CONNECTED', 'CONNECTED', 'first', ...txids]);
    expect(ingest.connections.pausedSockets).toBe(0);
    expect(ingest.appender).toMatchObject({ unsettledRecords: 0, unsettledBytes: 0 });
  });

  it('holds up nobody else', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki });
    const [busy, calm] = [await ingest.connect(), await ingest.connect({ vin: OTHER_VIN })];
    for (let n = 0; n < 10_000; n++) busy.send({ txid: `tx-${n}`, textLength: 300 });
    await calm.fence();
    expect(busy.acks().length).toBeLessThan(10_000);
    await eventually(() => busy.acks().length === 10_000);
  });

  it('and is cut while the acks come back sends them all again: each is stored once, in order', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki });
    const txids = Array.from({ length: 1_000 }, (_, n) => `tx-${n}`);
    const cut = await ingest.connect();
    for (const txid of txids) cut.send({ txid, textLength: 300 });
    await eventually(() => cut.acks().length > 0);
    cut.connection.terminate();
    const back = await ingest.connect();
    for (const txid of txids) back.send({ txid, textLength: 300, isResend: true });
    await eventually(() => back.acks().length === 1_000);
    expect(back.acks()).toEqual(txids);
    expect((await ingest.story()).filter((event) => event.startsWith('tx-'))).toEqual(txids);
  });
});

describe('a process that has too much under way', () => {
  it('pauses every socket that sends, and all go on when the log has caught up', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki, maxUnsettledBytes: 500_000 });
    const big = { textLength: 400_000 };
    const [first, small, ...others] = await Promise.all(
      Array.from({ length: 7 }, (_, n) => ingest.connect({ vin: `5YJ3E1EA7KF00010${n}` })),
    );
    await Promise.all([first, small, ...others].map((vehicle) => vehicle!.fence('before')));
    redis.pause();
    for (let n = 0; n < 2; n++) first!.send({ txid: `first-${n}`, ...big });
    await eventually(() => ingest.connections.pausedSockets === 1);
    // Its record is stored in an early call, when there still is too much: nobody but the fleet wakes it up.
    small!.send({ txid: 'small' });
    await eventually(() => ingest.connections.pausedSockets === 2);
    for (const vehicle of others) vehicle.send({ txid: 'big', ...big });
    await eventually(() => ingest.connections.pausedSockets === 7);
    redis.resume();
    await small!.fence('after');
    await Promise.all([first, ...others].map((vehicle) => vehicle!.fence('after')));
    expect(first!.acks()).toEqual(['before', 'first-0', 'first-1', 'after']);
    expect(small!.acks()).toEqual(['before', 'small', 'after']);
    expect(ingest.connections.pausedSockets).toBe(0);
  });
});

describe('a vehicle that never reads its acks', () => {
  it('is ended, and others go on', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki });
    const [deaf, other] = [await ingest.connect(), await ingest.connect({ vin: OTHER_VIN })];
    deaf.connection.pause();
    // Acks repeat the txid, so long ones fill the buffers of both kernels sooner.
    const padding = 'x'.repeat(900);
    let sent = 0;
    const more = () => {
      while (deaf.connection.isOpen && deaf.connection.bufferedBytes < 500_000)
        deaf.send({ txid: `${sent++}${padding}` });
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
  it('loses nothing that was sent, stores every record once and in order', async () => {
    const own = await startRedis();
    ingest = await startTestIngest({ redisUrl: own.url, pki });
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
      // One of them also loses its connection while nothing can be stored.
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

  it('stores a record once although the answer to its append was lost', async () => {
    const relay = await startTcpRelay(redis.port);
    ingest = await startTestIngest({
      redisUrl: redis.url,
      ingestRedisUrl: `redis://127.0.0.1:${relay.port}`,
      pki,
    });
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
