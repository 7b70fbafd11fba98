// Connections before the end of their handshake: idle and slow ones, failures, bursts, and balancers. Connected vehicles must
// not be affected.
import { connect as connectTcp, createServer, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { eventually } from '@fleetbridge/testing';
import fc from 'fast-check';
import { describe, expect } from 'vitest';
import { OTHER_VIN, type TestIngest, VIN } from './ingest-rig.js';
import { it } from './ingest-test.js';

const upgradeRequest =
  'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
const isLinux = process.platform === 'linux';
if (!isLinux) console.log('skipped: several loopback addresses (127.0.0.0/8) without setup exist on Linux only');
const long = process.env.TEST_LONG ? it : it.skip;
if (!process.env.TEST_LONG) console.log('skipped: an incomplete request takes ten seconds: npm run test:long');
let ingest: TestIngest;
const sockets: Socket[] = [];

describe.skipIf(!isLinux)('2,000 connections that send nothing', () => {
  it('cost no handshake, are closed past the limit of their address, and do not affect other clients', async ({
    startIngest,
  }) => {
    ingest = await startIngest({
      handshakeLimits: { unfinishedAfterMs: 500, helloMs: 6_000, unfinished: 20, failures: 10_000 },
    });
    const vehicle = await ingest.connect();
    await vehicle.fence('before');
    const idle = Array.from({ length: 2_000 }, () => tcp({ from: '127.0.0.3' }));
    await eventually(() => waitingNow() + (refusals().address_unfinished ?? 0) === 2_000);
    await vehicle.fence('during');
    await (await ingest.connect({ vin: OTHER_VIN })).fence();
    expect(await status()).toContain('mtls ok');

    await eventually(() => waitingNow() === 20);
    expect(refusals()).toEqual({ address_unfinished: 1_980 });
    // the address is not blocked: a client that sends its hello in time is accepted
    expect(await status({ from: '127.0.0.3' })).toContain('mtls ok');
    await eventually(() => waitingNow() === 0);
    expect(refusals()).toEqual({ address_unfinished: 1_980, no_hello: 20 });
    await eventually(() => idle.every(({ closed }) => closed));
    await vehicle.fence('after');
  });

  it('are limited in total', async ({ startIngest }) => {
    ingest = await startIngest({ handshakeLimits: { waiting: 10 } });
    for (let n = 0; n < 15; n++) tcp();
    await eventually(() => refusals().too_many_waiting === 5);
    expect(waitingNow()).toBe(10);
  });

  it('do not delay a stop', async ({ startIngest }) => {
    ingest = await startIngest();
    const idle = tcp();
    await eventually(() => waitingNow() === 1);
    await ingest.stop();
    await eventually(() => idle.closed);
  });
});

describe('a hello that comes byte by byte', () => {
  it('uses no handshake slot, and has to be complete in time', async ({ startIngest }) => {
    ingest = await startIngest({ handshakeLimits: { concurrent: 1, helloMs: 400 } });
    const hello = await clientHello();
    const slow = Array.from({ length: 20 }, () => tcp());
    let sent = 0;
    const drip = setInterval(() => {
      for (const socket of slow) if (!socket.destroyed) socket.write(hello.subarray(sent, sent + 1));
      sent++;
    }, 5);
    await eventually(() => sent > 10);
    expect(await status()).toContain('mtls ok');
    await eventually(() => slow.every(({ closed }) => closed));
    clearInterval(drip);
    expect(refusals()).toEqual({ no_hello: 20 });
  });

  it('is understood wherever it is split', async ({ startIngest }) => {
    ingest = await startIngest();
    const relayed = connectTcp(await slicingRelay(), '127.0.0.1');
    sockets.push(relayed);
    const secure = secured(relayed);
    secure.write('GET /status HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(await textOf(secure, 'mtls ok')).toContain('mtls ok');
  });
});

describe.skipIf(!isLinux)('a stalled handshake', () => {
  it('releases its slot', async ({ startIngest }) => {
    ingest = await startIngest({ handshakeLimits: { concurrent: 2, slotMs: 50 } });
    const hello = await clientHello();
    const stalled = Array.from({ length: 10 }, () => tcp());
    for (const socket of stalled) socket.write(hello);
    await eventually(async () => /ingest_handshakes\{.*\} 10$/m.test((await ingest.admin('/metrics')).text));
    expect(await status()).toContain('mtls ok');
    for (const socket of stalled) socket.destroy();
    await eventually(() => refusals().connection_lost === 10);
    expect(await status()).toContain('mtls ok');
  });

  it('counts as unfinished for its address, like an idle connection', async ({ startIngest }) => {
    const limits = { slotMs: 20, unfinishedAfterMs: 50, unfinished: 3, failures: 10_000 };
    ingest = await startIngest({ handshakeLimits: limits });
    const hello = await clientHello();
    for (let n = 0; n < 8; n++) tcp({ from: '127.0.0.3' }).write(hello);
    await eventually(() => refusals().address_unfinished === 5);
    expect(await status()).toContain('mtls ok');
  });
});

describe('an incomplete request after a successful handshake', () => {
  long('is closed after ten seconds', { timeout: 30_000 }, async ({ startIngest }) => {
    ingest = await startIngest();
    const [silent, half] = [secured(tcp()).resume(), secured(tcp()).resume()];
    half.write(upgradeRequest.slice(0, 40));
    await eventually(() => silent.closed && half.closed, 20_000);
    expect(await status()).toContain('mtls ok');
  });
});

describe.skipIf(!isLinux)('failed handshakes', () => {
  it('delay the handshakes of their address, and do not refuse a right vehicle there', async ({ startIngest }) => {
    const limits = { failures: 5, forgivenPerSecond: 0, failingPerSecond: 20 };
    ingest = await startIngest({ handshakeLimits: limits });
    for (let n = 0; n < 7; n++) await failedHandshake('127.0.0.3');
    expect(refusals()).toEqual({ not_tls: 7 });
    expect(await status()).toContain('mtls ok');
    expect(await status({ from: '127.0.0.3' })).toContain('mtls ok');
    // a success forgives a failure
    await failedHandshake('127.0.0.3');
    expect(await status({ from: '127.0.0.3' })).toContain('mtls ok');
    expect(ingest.lines.filter(({ event }) => event === 'handshakes_limited')).toEqual([
      expect.objectContaining({ address: '127.0.0.3', level: 'warn' }),
    ]);
  });

  it('limit the rate of handshakes of their address, the newest first, and drop those that waited long', async ({
    startIngest,
  }) => {
    const limits = { failures: 1, forgivenPerSecond: 0, failingPerSecond: 0, helloMs: 300 };
    ingest = await startIngest({ handshakeLimits: limits });
    await failedHandshake('127.0.0.3');
    const hello = await clientHello();
    const waiting = Array.from({ length: 4 }, () => tcp({ from: '127.0.0.3' }));
    for (const socket of waiting) socket.write(hello);
    await eventually(() => waitingNow() === 4 || waitingNow() === 3);
    expect(await status()).toContain('mtls ok');
    await eventually(() => refusals().address_failures === 3);
    await eventually(() => waiting.filter(({ closed }) => closed).length === 3);
  });

  it('do not block an address where other handshakes succeed', async ({ startIngest }) => {
    const limits = { failures: 5, forgivenPerSecond: 0 };
    ingest = await startIngest({ handshakeLimits: limits });
    for (let n = 0; n < 12; n++) {
      await failedHandshake('127.0.0.1');
      expect(await status()).toContain('mtls ok');
    }
    expect(refusals()).toEqual({ not_tls: 12 });
  });

  it('include clients that disconnect during the handshake, not those that only connect', async ({ startIngest }) => {
    const limits = { failures: 5, forgivenPerSecond: 0 };
    ingest = await startIngest({ handshakeLimits: limits });
    for (let n = 0; n < 20; n++) tcp().end();
    await eventually(() => refusals().left_before_hello === 20);
    expect(await status()).toContain('mtls ok');
    const hello = await clientHello();
    for (let n = 0; n < 6; n++) {
      const socket = tcp();
      socket.write(hello);
      await new Promise((answered) => socket.once('data', answered).once('close', answered));
      socket.destroy();
      await eventually(() => refusals().connection_lost === n + 1);
    }
    expect(await status()).toContain('mtls ok');
    expect(ingest.lines.some(({ event }) => event === 'handshakes_limited')).toBe(true);
  });
});

describe('a burst of clients', () => {
  it('from one address is accepted completely, a few handshakes at a time', async ({ pki, startIngest }) => {
    const vins = Array.from({ length: 60 }, (_, n) => `5YJ3E1EA7KF0003${String(n).padStart(2, '0')}`);
    for (const vin of vins) pki.vehicle(vin);
    const limits = { concurrent: 2, failures: 1, unfinished: 0, forgivenPerSecond: 0 };
    ingest = await startIngest({ handshakeLimits: limits });
    const vehicles = await Promise.all(vins.map((vin) => ingest.connect({ vin })));
    await Promise.all(vehicles.map((vehicle) => vehicle.fence()));
    expect(ingest.connections.connected).toBe(60);
    expect(ingest.counts.connected).toBe(60);
    expect(refusals()).toEqual({});
  });

  it('costs no handshake for clients that disconnect while they wait', async ({ startIngest }) => {
    ingest = await startIngest({ handshakeLimits: { concurrent: 0 } });
    const hello = await clientHello();
    const waiting = Array.from({ length: 5 }, () => tcp());
    for (const socket of waiting) socket.write(hello);
    await eventually(() => waitingNow() === 5);
    for (const socket of waiting) socket.end();
    await eventually(() => refusals().left_in_queue === 5);
    expect(waitingNow()).toBe(0);
  });
});

describe.skipIf(!isLinux)('behind a balancer', () => {
  const env = { PROXY_PROTOCOL_FROM: '127.0.0.9, 10.0.0.0/8' };
  const v1 = 'PROXY TCP4 192.0.2.7 10.0.0.1 49152 4443\r\n';

  it('the log contains the address of the vehicle, with either version of the header', async ({ startIngest }) => {
    ingest = await startIngest({ env });
    const v2 = Buffer.from('0d0a0d0a000d0a515549540a2121002420010db8000000000000000000000001', 'hex');
    const ports = Buffer.concat([Buffer.alloc(16), Buffer.from([1, 2, 3, 4])]);
    for (const header of [v1, Buffer.concat([v2, ports])]) {
      const raw = tcp({ from: '127.0.0.9' });
      raw.write(header);
      const secure = secured(raw);
      secure.write(upgradeRequest);
      expect(await textOf(secure, '\r\n\r\n')).toContain('101 Switching Protocols');
    }
    await eventually(() => connectedAddresses().length === 2);
    expect(connectedAddresses()).toEqual(['192.0.2.7', '2001:db8::1']);
  });

  it('a well-formed header is required from it in time', async ({ startIngest }) => {
    ingest = await startIngest({ env, handshakeLimits: { helloMs: 200 } });
    await expect(status({ from: '127.0.0.9' })).rejects.toThrow();
    const bad = tcp({ from: '127.0.0.9' });
    bad.write('PROXY TCP4 nowhere 10.0.0.1 1 2\r\n');
    const half = tcp({ from: '127.0.0.9' });
    half.write('PROXY TCP4 192.0.');
    await eventually(() => bad.closed && half.closed);
    expect(refusals()).toEqual({ proxy_header_malformed: 2, no_hello: 1 });
  });

  it('a header from any other client is refused, and the log names the variable that would allow it', async ({
    startIngest,
  }) => {
    ingest = await startIngest({ env });
    const raw = tcp();
    raw.write(v1);
    await eventually(() => raw.closed);
    expect(refusals()).toEqual({ proxy_header_unexpected: 1 });
    expect(ingest.lines.find(({ event }) => event === 'proxy_header_unexpected')).toMatchObject({
      remedy: 'PROXY_PROTOCOL_FROM',
    });
    expect(await status()).toContain('mtls ok');
  });

  it('a health check, with or without a header, does not count as a failure', async ({ startIngest }) => {
    const limits = { failures: 1, forgivenPerSecond: 0 };
    ingest = await startIngest({ env, handshakeLimits: limits });
    tcp({ from: '127.0.0.9' }).end();
    tcp({ from: '127.0.0.9' }).end(Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex'));
    await eventually(() => refusals().left_before_hello === 2);
    expect(await status({ from: '127.0.0.9', header: v1 })).toContain('mtls ok');
  });

  it('the limits apply to the address of the vehicle', async ({ startIngest }) => {
    const limits = { failures: 2, forgivenPerSecond: 0 };
    ingest = await startIngest({ env, handshakeLimits: limits });
    for (let n = 0; n < 2; n++) {
      tcp({ from: '127.0.0.9' }).write(`${v1}GET / HTTP/1.1\r\n\r\n`);
      await eventually(() => refusals().not_tls === n + 1);
    }
    expect(await status({ from: '127.0.0.9', header: v1 })).toContain('mtls ok');
    expect(ingest.lines.filter(({ event }) => event === 'handshakes_limited')).toEqual([
      expect.objectContaining({ address: '192.0.2.7' }),
    ]);
    const other = v1.replace('192.0.2.7', '192.0.2.8');
    expect(await status({ from: '127.0.0.9', header: other })).toContain('mtls ok');
  });

  it('arbitrary bytes in place of a header only end their own connection', async ({ startIngest }) => {
    const limits = { helloMs: 150, failures: 10_000, unfinished: 10_000 };
    ingest = await startIngest({ env, handshakeLimits: limits });
    const vehicle = await ingest.connect();
    const start = fc.constantFrom('', 'PROXY ', 'PROXY TCP4 192.0.2.7 ', '\r\n\r\n\0\r\nQUIT\n');
    const cases = fc.sample(fc.tuple(start, fc.uint8Array({ maxLength: 200 }), fc.boolean()), {
      numRuns: 300,
      seed: 20_261_124,
    });
    const fuzzed = cases.map(([head, tail, isBalancer]) => {
      const socket = tcp({ from: isBalancer ? '127.0.0.9' : '127.0.0.3' });
      socket.write(Buffer.concat([Buffer.from(head, 'latin1'), tail]));
      return socket;
    });
    await eventually(() => fuzzed.every(({ closed }) => closed));
    await vehicle.fence();
    expect(waitingNow()).toBe(0);
    expect(Object.values(refusals()).reduce((sum, count) => sum + count, 0)).toBe(300);
  });
});

function refusals(): Record<string, number> {
  return { ...ingest.counts.refusedConnections };
}

function waitingNow(): number {
  return ingest.handshakes.waiting;
}

function connectedAddresses(): unknown[] {
  return ingest.lines.flatMap(({ event, address }) => (event === 'vehicle_connected' ? [address] : []));
}

/** A TCP connection from a loopback address; Linux accepts the whole of 127.0.0.0/8. */
function tcp({ from = '127.0.0.1' }: { from?: string } = {}): Socket {
  const socket = connectTcp({ port: ingest.ports.vehicles, host: '127.0.0.1', localAddress: from });
  socket.on('error', () => {});
  // 'end' is emitted only while the socket is read
  socket.resume();
  sockets.push(socket);
  return socket;
}

function secured(raw: Socket): TLSSocket {
  const { pki } = ingest;
  const { certificatePem: cert, keyPem: key } = pki.vehicle(VIN);
  const socket = connectTls({ socket: raw, host: '127.0.0.1', ca: pki.serverCaPem, cert, key });
  socket.on('error', () => {});
  return socket;
}

/** The response of `/status`; rejects when the connection ends before. */
function status({ from, header }: { from?: string; header?: string } = {}): Promise<string> {
  const raw = tcp(from === undefined ? {} : { from });
  if (header !== undefined) raw.write(header);
  const socket = secured(raw);
  socket.write('GET /status HTTP/1.1\r\nHost: x\r\n\r\n');
  return textOf(socket, 'mtls ok');
}

function textOf(socket: TLSSocket, end: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    socket.setEncoding('latin1').on('data', (part: string) => {
      text += part;
      if (text.includes(end)) resolve(text);
    });
    socket.on('close', () => reject(new Error(`closed after "${text}"`)));
  });
}

async function failedHandshake(from: string): Promise<void> {
  const socket = tcp({ from });
  socket.write('GET / HTTP/1.1\r\n\r\n');
  await eventually(() => socket.closed);
}

/** The ClientHello of a real client. */
async function clientHello(): Promise<Buffer> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as { port: number };
  const client = connectTls({ port, host: '127.0.0.1' });
  client.on('error', () => {});
  const hello = await new Promise<Buffer>((resolve) => {
    server.once('connection', (socket) => {
      socket.on('error', () => {});
      socket.once('data', resolve);
    });
  });
  client.destroy();
  server.close();
  return hello;
}

/** Forwards bytes in pieces of seven, each in its own turn. Returns its port. */
async function slicingRelay(): Promise<number> {
  const server = createServer((client) => {
    const target = tcp();
    sockets.push(client);
    target.on('data', (bytes) => client.write(bytes));
    client.on('error', () => {});
    client.on('data', async (bytes) => {
      client.pause();
      for (let at = 0; at < bytes.length; at += 7) {
        target.write(bytes.subarray(at, at + 7));
        await new Promise((next) => setImmediate(next));
      }
      client.resume();
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  server.unref();
  return (server.address() as { port: number }).port;
}
