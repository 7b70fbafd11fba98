// The server's own life: it stops in good order, takes a renewed certificate, says when it can't work, and survives
// whatever bytes arrive.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { type ConnectionOptions, connect } from 'node:tls';
import { ensureDevelopmentPki } from '@fleetbridge/pki';
import { writeRecordEnvelope } from '@fleetbridge/protocol';
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

describe('a stop', () => {
  it('stores and acknowledges what was read, says goodbye with 1001, and reports the disconnect', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki });
    const vehicle = await ingest.connect();
    await vehicle.fence('before');
    redis.pause();
    for (let n = 0; n < 50; n++) vehicle.send({ txid: `tx-${n}` });
    await eventually(() => ingest.appender.unsettledRecords === 50);
    const stopped = ingest.stop();
    await expect(ingest.connect({ vin: OTHER_VIN })).rejects.toThrow();
    redis.resume();
    expect(await vehicle.closed).toBe(1001);
    await stopped;
    const txids = ['before', ...Array.from({ length: 50 }, (_, n) => `tx-${n}`)];
    expect(vehicle.acks()).toEqual(txids);
    expect(await ingest.story()).toEqual(['CONNECTED', ...txids, 'DISCONNECTED']);
    expect(await ingest.presence.all()).toEqual([]);
  });

  it('turns away who had begun to connect', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki });
    const vehicle = await ingest.connect();
    await vehicle.fence('before');
    // The answer to a whole request says that the half one behind it has arrived.
    const late = tlsSocket(`GET /status HTTP/1.1\r\nHost: x\r\n\r\n${upgradeRequest.slice(0, 30)}`);
    await eventually(() => late.received().endsWith('\r\n\r\nmtls ok'));
    redis.pause();
    vehicle.send({ txid: 'holds the stop up' });
    await eventually(() => ingest.appender.unsettledRecords === 1);
    const stopped = ingest.stop();
    late.socket.write(upgradeRequest.slice(30));
    await eventually(() => late.received().includes('HTTP/1.1 503 Service Unavailable'));
    redis.resume();
    await stopped;
  });

  it('acknowledges nothing that it did not store', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki });
    const vehicle = await ingest.connect();
    await vehicle.fence('before');
    redis.pause();
    // More than the window: the rest stays in the socket, and is the vehicle's to send again.
    for (let n = 0; n < 2_000; n++) vehicle.send({ txid: `tx-${n}`, textLength: 300 });
    await eventually(() => ingest.connections.pausedSockets === 1);
    const stopped = ingest.stop();
    redis.resume();
    await stopped;
    const records = (await ingest.story()).slice(1, -1);
    expect(records.length).toBeGreaterThan(256);
    expect(records.length).toBeLessThan(2_000);
    expect(vehicle.acks()).toEqual(records);
  });

  it('comes to its end although Redis never answers and a vehicle never says goodbye', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki });
    const vehicle = await ingest.connect();
    await vehicle.fence('before');
    vehicle.connection.pause();
    redis.pause();
    vehicle.send({ txid: 'stuck' });
    await eventually(() => ingest.appender.unsettledRecords === 1);
    await ingest.stop(300);
    expect(ingest.counts.ended).toEqual({ no_goodbye: 1 });
    expect(vehicle.acks()).toEqual(['before']);
  });
});

describe('a certificate that is renewed on disk', () => {
  it('is what new handshakes get, and old connections live on', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki, certificateLookMs: 20 });
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

  it('badly stays unused, and the log says so once', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki, certificateLookMs: 5 });
    const good = await servedNames();
    writeFileSync(path.join(pki.directory, 'server.pem'), 'half a certif');
    await eventually(() => ingest.lines.some(({ event }) => event === 'server_certificate_reload_failed'));
    expect(await servedNames()).toEqual(good);
    await (await ingest.connect()).fence();
    ensureDevelopmentPki({ directory: pki.directory, hosts: [], vins: [] });
  });
});

describe('readiness', () => {
  it('is green when all is well, red with the reason while Redis is away, and green again by itself', async () => {
    const own = await startRedis();
    ingest = await startTestIngest({ redisUrl: own.url, pki });
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
  it('a text frame ends the connection, and what came behind it is not taken', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki });
    // By hand: one write, so that all of it arrives together.
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

  it('acks of one turn leave as one write', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki });
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

  it('a message beyond what can be answered ends the connection', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki });
    const vehicle = await ingest.connect();
    vehicle.connection.sendBytes(Buffer.alloc(4_000_001));
    expect(await vehicle.closed).toBe(1009);
    await eventually(() => ingest.counts.ended.bad_frame === 1);
  });

  it('a txid longer than the log can hold is an error, not the end of the process', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki });
    const vehicle = await ingest.connect();
    const long = 'x'.repeat(70_000);
    vehicle.send({ txid: long });
    await vehicle.fence();
    expect(vehicle.answers.map(({ kind, txid }) => [kind, txid])).toEqual([
      ['error', long],
      ['ack', 'fence'],
    ]);
  });

  it('a topic as long as a message is acknowledged and logged in a few characters', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki });
    const vehicle = await ingest.connect();
    const topic = 't'.repeat(500_000);
    vehicle.send({ topic });
    await vehicle.fence();
    expect(vehicle.answers[0]).toEqual({ kind: 'ack', txid: 'tx', topic });
    const line = ingest.lines.find(({ event }) => event === 'record_refused');
    expect(JSON.stringify(line).length).toBeLessThan(400);
    expect((await ingest.quarantined())[0]?.length).toBe(65_536);
  });

  it('that nobody understands fill no memory while Redis is away', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki });
    const vehicle = await ingest.connect();
    await vehicle.fence();
    redis.pause();
    const junk = Buffer.alloc(100_000, 1);
    for (let n = 0; n < 100; n++) vehicle.connection.sendBytes(junk);
    await eventually(() => vehicle.answers.filter(({ kind }) => kind === 'error').length === 100);
    expect(ingest.counts.quarantineDropped).toBeGreaterThanOrEqual(60);
    redis.resume();
    await eventually(async () => (await ingest.quarantined()).length === 100 - ingest.counts.quarantineDropped);
    vehicle.connection.sendBytes(junk);
    const dropped = ingest.counts.quarantineDropped;
    await vehicle.fence('after');
    expect(ingest.counts.quarantineDropped).toBe(dropped);
  });

  it('a foreign sender is acknowledged and dropped on a topic of ours, an error on any other', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki });
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

/** DNS names and addresses of the certificate that a new handshake gets. */
function servedNames(): Promise<string> {
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

/** For what a WebSocket library would not let a test do. */
function tlsSocket(firstBytes: string) {
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

/** A whole client frame of 126 to 65,535 bytes, or of fewer than 126; masked with zeros, which changes nothing. */
function frame(opcode: 1 | 2, payload: Buffer): Buffer {
  const head = [0x80 | opcode, 0x80 | Math.min(payload.length, 126)];
  if (payload.length >= 126) head.push(payload.length >> 8, payload.length & 0xff);
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), payload]);
}
