// Connections as the log and presence report them.
import { Appender, connectivityPayload, partitionKeys } from '@fleetbridge/store';
import { eventually } from '@fleetbridge/testing';
import { describe, expect } from 'vitest';
import { OTHER_VIN, type TestIngest, VIN } from './ingest-rig.js';
import { it } from './ingest-test.js';

let ingest: TestIngest;

describe('a connection', () => {
  it('is reported before its first record and after its last', async ({ startIngest }) => {
    ingest = await startIngest();
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

  it('that is lost is reported as closed after the records that had been read', async ({
    redisServer,
    startIngest,
  }) => {
    ingest = await startIngest();
    const vehicle = await ingest.connect();
    await vehicle.fence('a');
    redisServer.pause();
    for (const txid of ['b', 'c']) vehicle.send({ txid });
    await eventually(() => ingest.appender.unsettledRecords === 2);
    vehicle.connection.terminate();
    await eventually(() => ingest.connections.connected === 0);
    redisServer.resume();
    await eventually(async () => (await ingest.presence.of(VIN)) === undefined);
    expect(await ingest.story()).toEqual(['CONNECTED', 'a', 'b', 'c', 'DISCONNECTED']);
  });

  it('replaces the older one of the same VIN, and the late end of that one has no effect', async ({ startIngest }) => {
    ingest = await startIngest();
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

  it('is not read any more after it was replaced, so that its records cannot follow those of the new one', async ({
    startIngest,
  }) => {
    ingest = await startIngest();
    const older = await ingest.connect();
    await older.fence('a');
    // it does not read the server's close frame
    older.connection.pause();
    const newer = await ingest.connect();
    older.send({ txid: 'late' });
    await newer.fence('b');
    older.connection.resume();
    await older.closed;
    await newer.fence('c');
    expect(await ingest.story()).toEqual(['CONNECTED', 'a', 'CONNECTED', 'b', 'c']);
  });

  it('is counted once while both sockets are open', async ({ startIngest }) => {
    ingest = await startIngest();
    const older = await ingest.connect();
    older.connection.pause();
    const newer = await ingest.connect();
    await newer.fence();
    expect(ingest.connections.connected).toBe(1);
    expect((await ingest.admin('/metrics')).text).toMatch(/^fleetbridge_ingest_connected\{.*\} 1$/m);
  });
});

describe('a vehicle that connects to another process', () => {
  it('is disconnected here immediately, and not reported as disconnected', async ({ startIngest }) => {
    ingest = await startIngest();
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

  it('is disconnected here after the message was missed, as soon as messages arrive again', async ({ startIngest }) => {
    ingest = await startIngest();
    const vehicle = await ingest.connect();
    await vehicle.fence('a');
    await ingest.redis.hset(partitionKeys(ingest.namespace, 0).presence, VIN, 'elsewhere another-process 0 ');
    await ingest.redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    expect(await vehicle.closed).toBe(1006);
    expect(ingest.counts.ended).toEqual({ vehicle_is_elsewhere: 1 });
  });
});

describe('a silent vehicle', () => {
  it('is pinged, and terminated if it does not answer', async ({ startIngest }) => {
    let nowMs = Date.now();
    ingest = await startIngest({ monotonicNow: () => nowMs });
    const [alive, gone] = [await ingest.connect(), await ingest.connect({ vin: OTHER_VIN })];
    await Promise.all([alive.fence(), gone.fence()]);
    gone.connection.pause();

    nowMs += 59_000;
    ingest.connections.sweep();
    expect(ingest.connections.silent).toBe(0);
    nowMs += 1_000;
    ingest.connections.sweep();
    expect(ingest.connections.silent).toBe(2);
    // the pong of the first vehicle comes a second later
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

  it.for([-3_600_000, 3_600_000])(
    'is pinged in time when the clock is set by %i ms',
    async (setMs, { startIngest }) => {
      let steadyMs = 0;
      let nowMs = Date.now();
      ingest = await startIngest({ now: () => nowMs, monotonicNow: () => steadyMs });
      const vehicle = await ingest.connect();
      await vehicle.fence();
      vehicle.connection.pause();
      steadyMs += 59_000;
      nowMs += setMs;
      ingest.connections.sweep();
      expect(ingest.connections.silent).toBe(0);
      steadyMs += 1_000;
      ingest.connections.sweep();
      expect(ingest.connections.silent).toBe(1);
      nowMs -= setMs;
      steadyMs += 59_999;
      ingest.connections.sweep();
      expect(ingest.connections.connected).toBe(1);
      steadyMs += 1;
      ingest.connections.sweep();
      await eventually(() => ingest.connections.connected === 0);
    },
  );

  it('is not terminated for silence while its socket was paused', async ({ redisServer, startIngest }) => {
    let nowMs = Date.now();
    ingest = await startIngest({ monotonicNow: () => nowMs });
    const vehicle = await ingest.connect();
    await vehicle.fence();
    redisServer.pause();
    // exactly the window: nothing remains to be read after the pause
    for (let n = 0; n < 256; n++) vehicle.send({ txid: `tx-${n}` });
    await eventually(() => ingest.connections.pausedSockets === 1);
    for (let round = 0; round < 5; round++) {
      nowMs += 61_000;
      ingest.connections.sweep();
    }
    redisServer.resume();
    await eventually(() => vehicle.acks().length === 257);
    ingest.connections.sweep();
    expect(ingest.counts.ended).toEqual({});
    expect(ingest.connections.silent).toBe(0);
  });
});

describe('an expired process lease', () => {
  it('is replaced, and the open connections are reported under the new process id', async ({ startIngest }) => {
    ingest = await startIngest();
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

  it('makes a vehicle connected again that had been reported as disconnected', async ({ startIngest }) => {
    ingest = await startIngest();
    const vehicle = await ingest.connect();
    await vehicle.fence('a');
    await loseLease();
    expect(await ingest.presence.reportDead(0, Date.now())).toHaveLength(1);
    await ingest.lease.renew();
    await vehicle.fence('b');
    expect(await ingest.story()).toEqual(['CONNECTED', 'a', 'DISCONNECTED', 'CONNECTED', 'b']);
    expect((await ingest.presence.of(VIN))?.processId).toBe(ingest.lease.processId);
  });

  it('ends the connection of a vehicle that has connected elsewhere, without a record in the log', async ({
    startIngest,
  }) => {
    ingest = await startIngest();
    const vehicle = await ingest.connect();
    await vehicle.fence('a');
    // the state after a missed message
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

  it('does not disconnect a vehicle while its connect record is unsettled', async ({ startIngest }) => {
    ingest = await startIngest();
    await connectElsewhere(VIN);
    await loseLease();
    // Redis rejects writes for a while; afterwards the lease is renewed first and the connect is retried later
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

/** The effect of Redis being unreachable, or the process suspended, for longer than a lease. */
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
