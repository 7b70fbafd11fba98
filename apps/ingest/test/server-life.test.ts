// The life of the server: orderly stop, certificate reload, readiness, and robustness against invalid bytes.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { type ConnectionOptions, connect } from 'node:tls';
import { ensureDevelopmentPki } from '@fleetbridge/pki';
import { writeRecordEnvelope } from '@fleetbridge/protocol';
import { eventually, startRedis } from '@fleetbridge/testing';
import { describe, expect } from 'vitest';
import { OTHER_VIN, type TestIngest, VIN } from './ingest-rig.js';
import { it } from './ingest-test.js';
import { vehicleRecord } from './test-vehicle.js';

let ingest: TestIngest;

describe('a stop', () => {
  it('stores and acknowledges what was read, closes with 1001, and appends the disconnect', async ({
    redisServer,
    startIngest,
  }) => {
    ingest = await startIngest();
    const vehicle = await ingest.connect();
    await vehicle.fence('before');
    redisServer.pause();
    for (let n = 0; n < 50; n++) vehicle.send({ txid: `tx-${n}` });
    await eventually(() => ingest.appender.unsettledRecords === 50);
    const stopped = ingest.stop();
    await expect(ingest.connect({ vin: OTHER_VIN })).rejects.toThrow();
    redisServer.resume();
    expect(await vehicle.closed).toBe(1001);
    await stopped;
    const txids = ['before', ...Array.from({ length: 50 }, (_, n) => `tx-${n}`)];
    expect(vehicle.acks()).toEqual(txids);
    expect(await ingest.story()).toEqual(['CONNECTED', ...txids, 'DISCONNECTED']);
    expect(await ingest.presence.all()).toEqual([]);
  });

  it('refuses a client that had begun to connect', async ({ redisServer, startIngest }) => {
    ingest = await startIngest();
    const vehicle = await ingest.connect();
    await vehicle.fence('before');
    // the answer to the complete request shows that the partial one behind it has arrived
    const late = tlsSocket(`GET /status HTTP/1.1\r\nHost: x\r\n\r\n${upgradeRequest.slice(0, 30)}`);
    await eventually(() => late.received().endsWith('\r\n\r\nmtls ok'));
    redisServer.pause();
    vehicle.send({ txid: 'delays the stop' });
    await eventually(() => ingest.appender.unsettledRecords === 1);
    const stopped = ingest.stop();
    late.socket.write(upgradeRequest.slice(30));
    await eventually(() => late.received().includes('HTTP/1.1 503 Service Unavailable'));
    redisServer.resume();
    await stopped;
  });

  it('acknowledges only records that are stored', async ({ redisServer, startIngest }) => {
    ingest = await startIngest();
    const vehicle = await ingest.connect();
    await vehicle.fence('before');
    redisServer.pause();
    // more than the window: the rest stays in the socket, and the vehicle resends it
    for (let n = 0; n < 2_000; n++) vehicle.send({ txid: `tx-${n}`, textLength: 300 });
    await eventually(() => ingest.connections.pausedSockets === 1);
    const stopped = ingest.stop();
    redisServer.resume();
    await stopped;
    const records = (await ingest.story()).slice(1, -1);
    expect(records.length).toBeGreaterThan(256);
    expect(records.length).toBeLessThan(2_000);
    expect(vehicle.acks()).toEqual(records);
  });

  it.for([1_000, 400])(
    'appends the disconnect of silent vehicles too, within %i ms',
    async (deadlineMs, { startIngest }) => {
      ingest = await startIngest();
      const vins = [VIN, OTHER_VIN, '5YJ3E1EA7KF000003'];
      for (const [index, vin] of vins.entries()) {
        const vehicle = await ingest.connect({ vin });
        await vehicle.fence();
        // the others do not read the close frame
        if (index > 0) vehicle.connection.pause();
      }
      // Not ingest.stop: its later parts give the sockets time to close.
      await ingest.connections.stop({ deadlineMs });
      expect(ingest.connections.connected).toBe(0);
      expect(ingest.appender.unsettledRecords).toBe(0);
      expect((await ingest.story()).filter((one) => one === 'DISCONNECTED')).toHaveLength(3);
      expect(await ingest.presence.all()).toEqual([]);
      expect(ingest.counts.ended).toEqual({ no_goodbye: 2 });
      expect(ingest.lines.filter(({ event }) => event === 'vehicle_disconnected')).toHaveLength(3);
    },
  );

  it('ends at its deadline when Redis does not answer and a vehicle does not close', async ({
    redisServer,
    startIngest,
  }) => {
    ingest = await startIngest();
    const vehicle = await ingest.connect();
    await vehicle.fence('before');
    vehicle.connection.pause();
    redisServer.pause();
    vehicle.send({ txid: 'stuck' });
    await eventually(() => ingest.appender.unsettledRecords === 1);
    await ingest.stop(300);
    expect(ingest.counts.ended).toEqual({ no_goodbye: 1 });
    expect(vehicle.acks()).toEqual(['before']);
  });
});

describe('a renewed certificate on disk', () => {
  it('is used for new handshakes, and open connections stay', async ({ pki, startIngest }) => {
    ingest = await startIngest({ certificatePollMs: 20 });
    const old = await ingest.connect();
    await old.fence('a');
    const before = await servedNames();
    expect(before).not.toContain('renewed.example');
    ensureDevelopmentPki({ directory: pki.directory, hosts: ['renewed.example'], vins: [] });
    await eventually(async () => (await servedNames()).includes('renewed.example'));
    await old.fence('b');
    await (await ingest.connect({ vin: OTHER_VIN })).fence('c');
    expect(await ingest.story()).toEqual(['CONNECTED', 'a', 'b', 'CONNECTED', 'c']);
    expect(ingest.lines.filter(({ event }) => event === 'server_certificate_reloaded')).toHaveLength(1);
  });

  it('is ignored when it is invalid, and that is logged once', async ({ pki, startIngest }) => {
    ingest = await startIngest({ certificatePollMs: 5 });
    const good = await servedNames();
    writeFileSync(path.join(pki.directory, 'server.pem'), 'half a certif');
    await eventually(() => ingest.lines.some(({ event }) => event === 'server_certificate_reload_failed'));
    expect(await servedNames()).toEqual(good);
    await (await ingest.connect()).fence();
    ensureDevelopmentPki({ directory: pki.directory, hosts: [], vins: [] });
  });
});

describe('readiness', () => {
  it('is lost with the reason while Redis is away, and regained afterwards', async ({ startIngest }) => {
    const own = await startRedis();
    ingest = await startIngest({ redisUrl: own.url });
    expect(await ingest.admin('/readyz')).toMatchObject({ status: 200 });
    await own.kill();
    await eventually(async () => (await ingest.admin('/readyz')).status === 503);
    expect(JSON.parse((await ingest.admin('/readyz')).text).checks.redis).toEqual({
      ready: false,
      reason: 'unreachable',
    });
    expect(await ingest.admin('/healthz')).toMatchObject({ status: 200 });
    await own.start();
    await eventually(async () => (await ingest.admin('/readyz')).status === 200);
    await ingest.dispose();
    await own.stop();
  });
});

describe('bytes on the wire', () => {
  it('a text frame ends the connection, and messages behind it are ignored', async ({ startIngest }) => {
    ingest = await startIngest();
    // one write, so that all frames arrive together
    const { socket, received } = tlsSocket(upgradeRequest);
    await eventually(() => received().startsWith('HTTP/1.1 101'));
    const ended = new Promise((resolve) => socket.once('close', resolve));
    const record = (txid: string) => frame(2, writeRecordEnvelope(vehicleRecord({ txid })));
    socket.write(Buffer.concat([record('before'), frame(1, Buffer.from('hello')), record('behind')]));
    await ended;
    await eventually(async () => (await ingest.story()).includes('DISCONNECTED'));
    expect(await ingest.story()).toEqual(['CONNECTED', 'before', 'DISCONNECTED']);
    expect(ingest.counts.ended).toEqual({ text_frame: 1 });
  });

  it('acks of one turn leave in one write', async ({ startIngest }) => {
    ingest = await startIngest();
    const { socket, received } = tlsSocket(upgradeRequest);
    await eventually(() => received().startsWith('HTTP/1.1 101'));
    const reads: number[] = [];
    socket.on('data', (text: string) => reads.push(text.split('tx-').length - 1));
    const records = Array.from({ length: 20 }, (_, n) =>
      frame(2, writeRecordEnvelope(vehicleRecord({ txid: `tx-${n}` }))),
    );
    socket.write(Buffer.concat(records));
    await eventually(() => received().includes('tx-19'));
    expect(reads).toEqual([20]);
  });

  it('a message of more than 4,000,000 bytes ends the connection', async ({ startIngest }) => {
    ingest = await startIngest();
    const vehicle = await ingest.connect();
    vehicle.connection.sendBytes(Buffer.alloc(4_000_001));
    expect(await vehicle.closed).toBe(1009);
    await eventually(() => ingest.counts.ended.bad_frame === 1);
  });

  it('a txid longer than the log can store gets an error answer', async ({ startIngest }) => {
    ingest = await startIngest();
    const vehicle = await ingest.connect();
    const long = 'x'.repeat(70_000);
    vehicle.send({ txid: long });
    await vehicle.fence();
    expect(vehicle.answers.map(({ kind, txid }) => [kind, txid])).toEqual([
      ['error', long],
      ['ack', 'fence'],
    ]);
  });

  it('a very long topic is acknowledged and logged in shortened form', async ({ startIngest }) => {
    ingest = await startIngest();
    const vehicle = await ingest.connect();
    const topic = 't'.repeat(500_000);
    vehicle.send({ topic });
    await vehicle.fence();
    expect(vehicle.answers[0]).toEqual({ kind: 'ack', txid: 'tx', topic });
    const line = ingest.lines.find(({ event }) => event === 'record_refused');
    expect(JSON.stringify(line).length).toBeLessThan(400);
    expect((await ingest.quarantined())[0]?.length).toBe(65_536);
  });

  it('unreadable messages do not fill the memory while Redis is away', async ({ redisServer, startIngest }) => {
    ingest = await startIngest({ env: { VEHICLE_BYTES_PER_MINUTE: '0' } });
    const vehicle = await ingest.connect();
    await vehicle.fence();
    redisServer.pause();
    const junk = Buffer.alloc(100_000, 1);
    for (let n = 0; n < 100; n++) vehicle.connection.sendBytes(junk);
    await eventually(() => vehicle.answers.filter(({ kind }) => kind === 'error').length === 100);
    expect(ingest.counts.quarantineDropped).toBeGreaterThanOrEqual(60);
    redisServer.resume();
    await eventually(async () => (await ingest.quarantined()).length === 100 - ingest.counts.quarantineDropped);
    vehicle.connection.sendBytes(junk);
    const dropped = ingest.counts.quarantineDropped;
    await vehicle.fence('after');
    expect(ingest.counts.quarantineDropped).toBe(dropped);
  });

  it('a foreign sender gets an ack on a known topic and an error on any other, and is not stored', async ({
    startIngest,
  }) => {
    ingest = await startIngest();
    const vehicle = await ingest.connect();
    const senderId = `vehicle_device.${OTHER_VIN}`;
    vehicle.send({ txid: 'ours', senderId });
    vehicle.send({ txid: 'other', topic: 'metrics', senderId });
    await vehicle.fence();
    expect(vehicle.answers.slice(0, 2)).toEqual([
      { kind: 'ack', txid: 'ours', topic: 'V' },
      { kind: 'error', txid: 'other', topic: '' },
    ]);
    expect(ingest.counts.refused).toEqual({ unauthorized_sender_id: 2 });
    expect(await ingest.story()).toEqual(['CONNECTED', 'fence']);
    expect((await ingest.admin('/metrics')).text).toMatch(/^unauthorized_sender_id_total\{.*\} 2$/m);
  });
});

/** DNS names and addresses in the certificate of a new handshake. */
function servedNames(): Promise<string> {
  const { pki } = ingest;
  const { certificatePem: cert, keyPem: key } = pki.vehicle(VIN);
  const options: ConnectionOptions = {
    port: ingest.ports.vehicles,
    host: '127.0.0.1',
    ca: pki.serverCaPem,
    cert,
    key,
  };
  return new Promise((resolve, reject) => {
    const socket = connect(options, () => {
      resolve(socket.getPeerCertificate().subjectaltname ?? '');
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

const upgradeRequest =
  'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

/** A raw TLS connection, for bytes that a WebSocket library would not send. */
function tlsSocket(firstBytes: string) {
  const { pki } = ingest;
  const { certificatePem: cert, keyPem: key } = pki.vehicle(VIN);
  const { vehicles: port } = ingest.ports;
  const socket = connect({ port, host: '127.0.0.1', ca: pki.serverCaPem, cert, key });
  let received = '';
  socket.setEncoding('latin1').on('data', (text) => {
    received += text;
  });
  socket.on('error', () => {});
  socket.write(firstBytes);
  return { socket, received: () => received };
}

/** A client frame of up to 65,535 bytes, masked with zeros, so that the payload is unchanged. */
function frame(opcode: 1 | 2, payload: Buffer): Buffer {
  const head = [0x80 | opcode, 0x80 | Math.min(payload.length, 126)];
  if (payload.length >= 126) head.push(payload.length >> 8, payload.length & 0xff);
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), payload]);
}
