// Vehicles connect and are acknowledged while silent, slow and wrong clients connect from the same address.
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { eventually } from '@fleetbridge/testing';
import { expect, onTestFinished } from 'vitest';
import { OTHER_VIN, type TestIngest } from './ingest-rig.js';
import { it } from './ingest-test.js';

/** The full size takes half a minute of CPU. */
const scale = process.env.TEST_LONG ? 1 : 0.1;
if (scale < 1) console.log('skipped: the full number of wrong clients (npm run test:long)');
const count = (full: number) => Math.ceil(full * scale);

it('400 silent, 400 slow and 1,000 wrong clients do not keep out a vehicle behind their address', {
  timeout: 180_000,
}, async ({ startIngest }) => {
  const ingest = await startIngest({
    handshakeLimits: { unfinished: count(256), failures: count(100), unfinishedAfterMs: 500 },
  });
  const vehicle = await ingest.connect();
  await vehicle.fence('before');
  for (let n = 0; n < count(400); n++) tcp(ingest);
  for (let n = 0; n < count(400); n++) slowHello(ingest);
  const wrong = Array.from({ length: count(1_000) }, () => wrongClient(ingest));
  for (let round = 0; round < 5; round++) {
    await vehicle.fence(`during-${round}`);
    const other = await ingest.connect({ vin: OTHER_VIN });
    await other.fence(`other-${round}`);
    other.connection.terminate();
  }
  await eventually(() => wrong.every(({ closed }) => closed), 120_000);
  await (await ingest.connect({ vin: OTHER_VIN })).fence('after');
  await vehicle.fence('after');
  expect(ingest.counts.ended).toEqual({});
  expect(ingest.counts.refusedConnections.no_certificate).toBeGreaterThan(count(100));
  const lines = ingest.lines.filter(({ level }) => level === 'warn').map(({ event }) => event);
  expect(lines.sort()).toEqual(['certificate_refused', 'handshakes_limited']);
});

it('a login that fails leaves a line with the address, once a minute for each vehicle', async ({ startIngest }) => {
  const ingest = await startIngest({ env: { ALLOWED_VINS: OTHER_VIN } });
  for (let n = 0; n < 3; n++) await expect(ingest.connect()).rejects.toThrow();
  for (let n = 0; n < 3; n++) wrongClient(ingest);
  await eventually(() => ingest.counts.refusedConnections.no_certificate === 3);
  const lines = ingest.lines.filter(({ event }) => event === 'vin_not_admitted' || event === 'certificate_refused');
  expect(lines).toEqual([
    expect.objectContaining({ event: 'vin_not_admitted', address: '127.0.0.1', level: 'warn' }),
    expect.objectContaining({ event: 'certificate_refused', address: '127.0.0.1', reason: 'no_certificate' }),
  ]);
});

function tcp({ ports }: TestIngest): Socket {
  const socket = connectTcp(ports.vehicles, '127.0.0.1').resume();
  socket.on('error', () => {});
  onTestFinished(() => void socket.destroy());
  return socket;
}

/** One byte of a ClientHello per 100 ms. */
function slowHello(ingest: TestIngest): void {
  const socket = tcp(ingest);
  const hello = Buffer.from('16030105dc', 'hex');
  let at = 0;
  const timer = setInterval(() => socket.write(hello.subarray(at, ++at)), 100);
  socket.once('close', () => clearInterval(timer));
}

/** Its handshake fails, because it has no certificate. */
function wrongClient(ingest: TestIngest): Socket {
  const raw = tcp(ingest);
  const socket = connectTls({ socket: raw, rejectUnauthorized: false }).resume();
  socket.on('error', () => {});
  return raw;
}
