// Who is connected, as the log and presence tell it.
import { Appender, connectivityPayload, partitionKeys } from '@fleetbridge/store';
import { type DisposableRedis, eventually, startRedis } from '@fleetbridge/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
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

describe('a connection', () => {
  it('is told before its first record and after its last', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki });
    const vehicle = await ingest.connect();
    for (const txid of ['a', 'b', 'c']) vehicle.send({ txid });
    await eventually(() => vehicle.acks().length === 3);
    vehicle.connection.close();
    await eventually(async () => (await ingest.presence.of(VIN)) === undefined);
    expect(await ingest.story()).toEqual(['CONNECTED', 'a', 'b', 'c', 'DISCONNECTED']);
    const [connected, , , , disconnected] = await ingest.entries();
    expect(disconnected?.txid).toBe(connected?.txid);
    expect(ingest.lines.find(({ event }) => event === 'vehicle_disconnected')).toMatchObject({
      vin: VIN,
      connection_id: connected?.txid,
      code: 1000,
      records: 3,
    });
  });

  it('that is cut off ends after what had been read of it', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki });
    const vehicle = await ingest.connect();
    await vehicle.fence('a');
    redis.pause();
    for (const txid of ['b', 'c']) vehicle.send({ txid });
    await eventually(() => ingest.appender.unsettledRecords === 2);
    vehicle.connection.terminate();
    await eventually(() => ingest.connections.connected === 0);
    redis.resume();
    await eventually(async () => (await ingest.presence.of(VIN)) === undefined);
    expect(await ingest.story()).toEqual(['CONNECTED', 'a', 'b', 'c', 'DISCONNECTED']);
  });

  it('replaces the older one of the same VIN, whose late end changes nothing', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki });
    const older = await ingest.connect();
    await older.fence('a');
    const newer = await ingest.connect();
    expect(await older.closed).toBe(1000);
    await newer.fence('b');
    await eventually(() => ingest.lines.some(({ event }) => event === 'vehicle_disconnected'));
    await newer.fence('c');

    expect(await ingest.story()).toEqual(['CONNECTED', 'a', 'CONNECTED', 'b', 'c']);
    const second = (await ingest.entries())[2]?.txid;
    expect((await ingest.presence.of(VIN))?.connectionId).toBe(second);
    expect(ingest.counts.replaced).toBe(1);
    expect(ingest.connections.connected).toBe(1);
  });

  it('that was replaced is not listened to any more, so that nothing overtakes the new one', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki });
    const older = await ingest.connect();
    await older.fence('a');
    // It doesn't notice that the server wants to close.
    older.connection.pause();
    const newer = await ingest.connect();
    older.send({ txid: 'late' });
    await newer.fence('b');
    older.connection.resume();
    await older.closed;
    await newer.fence('c');
    expect(await ingest.story()).toEqual(['CONNECTED', 'a', 'CONNECTED', 'b', 'c']);
  });

  it('is counted once while both sockets are open', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki });
    const older = await ingest.connect();
    older.connection.pause();
    const newer = await ingest.connect();
    await newer.fence();
    expect(ingest.connections.connected).toBe(1);
    expect((await ingest.admin('/metrics')).text).toMatch(/^fleetbridge_ingest_connected\{.*\} 1$/m);
  });
});

describe('a vehicle that connects to another process', () => {
  it('loses its connection here at once, and is not reported as gone', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki });
    const [vehicle, other] = [await ingest.connect(), await ingest.connect({ vin: OTHER_VIN })];
    await Promise.all([vehicle.fence('a'), other.fence('b')]);
    await connectElsewhere(VIN);
    expect(await vehicle.closed).toBe(1000);
    await eventually(() => ingest.connections.connected === 1);
    await other.fence('c');
    expect(ingest.counts.replaced).toBe(1);
    expect((await ingest.presence.of(VIN))?.connectionId).toBe('elsewhere');
    expect((await ingest.story()).filter((event) => event === 'DISCONNECTED')).toEqual([]);
  });

  it('loses it also when the message was missed, as soon as messages come again', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki });
    const vehicle = await ingest.connect();
    await vehicle.fence('a');
    await ingest.redis.hset(partitionKeys(ingest.namespace, 0).presence, VIN, 'elsewhere another-process 0 ');
    await ingest.redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    expect(await vehicle.closed).toBe(1006);
    expect(ingest.counts.ended).toEqual({ vehicle_is_elsewhere: 1 });
  });
});

describe('a silent vehicle', () => {
  it('is asked by a ping, stays when it answers and is ended when it does not', async () => {
    let nowMs = Date.now();
    ingest = await startTestIngest({ redisUrl: redis.url, pki, now: () => nowMs });
    const [alive, gone] = [await ingest.connect(), await ingest.connect({ vin: OTHER_VIN })];
    await Promise.all([alive.fence(), gone.fence()]);
    gone.connection.pause();

    nowMs += 59_000;
    ingest.connections.sweep();
    expect(ingest.connections.silent).toBe(0);
    nowMs += 1_000;
    ingest.connections.sweep();
    expect(ingest.connections.silent).toBe(2);
    // The pong of the living one comes a second later.
    nowMs += 1_000;
    await eventually(() => ingest.connections.silent === 1);
    nowMs += 58_999;
    ingest.connections.sweep();
    expect(ingest.connections.connected).toBe(2);
    nowMs += 1;
    ingest.connections.sweep();
    await eventually(() => ingest.connections.connected === 1);
    expect(ingest.counts.ended).toEqual({ silent: 1 });

    await alive.fence('still here');
    expect(await ingest.presence.of(OTHER_VIN)).toBeUndefined();
    expect(await ingest.presence.of(VIN)).toBeDefined();
  });

  it('is not blamed for the time in which we did not listen', async () => {
    let nowMs = Date.now();
    ingest = await startTestIngest({ redisUrl: redis.url, pki, now: () => nowMs });
    const vehicle = await ingest.connect();
    await vehicle.fence();
    redis.pause();
    // Exactly the window: there is nothing more to hear when it goes on.
    for (let n = 0; n < 256; n++) vehicle.send({ txid: `tx-${n}` });
    await eventually(() => ingest.connections.pausedSockets === 1);
    for (let round = 0; round < 5; round++) {
      nowMs += 61_000;
      ingest.connections.sweep();
    }
    redis.resume();
    await eventually(() => vehicle.acks().length === 257);
    ingest.connections.sweep();
    expect(ingest.counts.ended).toEqual({});
    expect(ingest.connections.silent).toBe(0);
  });
});

describe('a process lease that ran out', () => {
  it('is taken anew, and the open connections are under the new process', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki });
    const vehicle = await ingest.connect();
    await vehicle.fence('a');
    const before = await ingest.presence.of(VIN);
    await loseLease();
    await ingest.lease.renew();
    expect(ingest.lease.processId).not.toBe(before?.processId);
    await vehicle.fence('b');
    expect(await ingest.presence.of(VIN)).toMatchObject({
      connectionId: before?.connectionId,
      processId: ingest.lease.processId,
    });
    expect(await ingest.story()).toEqual(['CONNECTED', 'a', 'b']);
    expect(await ingest.presence.reportDead(0, Date.now())).toEqual([]);
  });

  it('after which the vehicle had been reported as gone makes it connected again', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki });
    const vehicle = await ingest.connect();
    await vehicle.fence('a');
    await loseLease();
    expect(await ingest.presence.reportDead(0, Date.now())).toHaveLength(1);
    await ingest.lease.renew();
    await vehicle.fence('b');
    expect(await ingest.story()).toEqual(['CONNECTED', 'a', 'DISCONNECTED', 'CONNECTED', 'b']);
    expect((await ingest.presence.of(VIN))?.processId).toBe(ingest.lease.processId);
  });

  it('ends the connection of a vehicle that is elsewhere by now, without a word in the log', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki });
    const vehicle = await ingest.connect();
    await vehicle.fence('a');
    // As it is when the message that says so was missed.
    await ingest.redis.hset(partitionKeys(ingest.namespace, 0).presence, VIN, 'elsewhere another-process 0 ');
    await loseLease();
    await ingest.lease.renew();
    expect(await vehicle.closed).toBe(1006);
    await eventually(() => ingest.connections.connected === 0);
    await eventually(() => ingest.appender.unsettledRecords === 0);
    expect(ingest.counts.ended).toEqual({ vehicle_is_elsewhere: 1 });
    expect(await ingest.story()).toEqual(['CONNECTED', 'a']);
    expect((await ingest.presence.of(VIN))?.connectionId).toBe('elsewhere');
  });

  it('does not end a vehicle that has just come here, and whose connect is still under way', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki });
    await connectElsewhere(VIN);
    await loseLease();
    // Redis takes nothing for a while; afterwards the lease comes first, the connect with the next retry.
    await ingest.redis.config('SET', 'maxmemory', '1');
    const vehicle = await ingest.connect();
    await eventually(() => ingest.appender.isInTrouble);
    await ingest.redis.config('SET', 'maxmemory', '0');
    await ingest.lease.renew();
    await vehicle.fence('a');
    expect(ingest.counts.ended).toEqual({});
    expect(await ingest.presence.of(VIN)).toMatchObject({ processId: ingest.lease.processId });
  });
});

/** As if Redis had been away, or the process asleep, for longer than a lease. */
async function loseLease(): Promise<void> {
  await ingest.presence.endProcess(ingest.lease.processId);
}

async function connectElsewhere(vin: string): Promise<void> {
  const other = new Appender({ store: ingest.store, processId: () => 'another process' });
  const atMs = Date.now();
  const connectionId = 'elsewhere';
  const payload = connectivityPayload({ vin, connectionId, isConnected: true, atMs, networkInterface: '' });
  await new Promise((settled) => {
    const record = { kind: 'connect', vin, topic: 'connectivity', createdMs: atMs, receivedMs: atMs } as const;
    other.append({ ...record, txid: Buffer.from(connectionId), version: '', payload }, { settled });
  });
}
