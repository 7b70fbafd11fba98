// Limits of connections and of messages per vehicle.
import { once } from 'node:events';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { VehicleConnectError } from '@fleetbridge/simulator';
import { eventually } from '@fleetbridge/testing';
import { describe, expect, onTestFinished } from 'vitest';
import { OTHER_VIN, type TestIngest, VIN } from './ingest-rig.js';
import { it } from './ingest-test.js';

describe('MAX_CONNECTIONS', () => {
  it('refuses the next vehicle with 503 before the upgrade, lets a connected one reconnect, and frees its slot', async ({
    startIngest,
  }) => {
    const ingest = await startIngest({ env: { MAX_CONNECTIONS: '1' } });
    const first = await ingest.connect();
    await first.fence('a');
    const refused = await ingest.connect({ vin: OTHER_VIN }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(VehicleConnectError);
    expect(refused).toMatchObject({ statusCode: 503 });
    expect(ingest.counts.refusedConnections).toEqual({ too_many_connections: 1 });

    const second = await ingest.connect();
    await second.fence('b');
    expect(await first.closed).toBe(1000);
    second.connection.terminate();
    await eventually(() => ingest.connections.connected === 0);
    await (await ingest.connect({ vin: OTHER_VIN })).fence('c');
  });

  it('is unlimited when it is 0', async ({ startIngest }) => {
    const ingest = await startIngest({ env: { MAX_CONNECTIONS: '0' } });
    await (await ingest.connect()).fence();
    await (await ingest.connect({ vin: OTHER_VIN })).fence();
  });
});

describe('a vehicle that leaves its replaced connections open', () => {
  it('has at most two sockets, and one after two seconds', async ({ startIngest }) => {
    const ingest = await startIngest();
    const sockets: TLSSocket[] = [];
    for (let n = 0; n < 10; n++) sockets.push(await deafVehicle(ingest));
    expect(ingest.connections.sockets).toBe(2);
    await eventually(() => sockets.filter(({ closed }) => closed).length === 9);
    expect(ingest.connections.sockets).toBe(1);
    expect(ingest.counts.ended).toEqual({ replaced: 9 });
    expect(ingest.connections.connected).toBe(1);
  });

  it('has one socket when MAX_CONNECTIONS is reached', async ({ startIngest }) => {
    const ingest = await startIngest({ env: { MAX_CONNECTIONS: '2' } });
    await (await ingest.connect({ vin: OTHER_VIN })).fence('other');
    for (let n = 0; n < 10; n++) {
      await deafVehicle(ingest);
      expect(ingest.connections.sockets).toBeLessThanOrEqual(3);
    }
    await eventually(() => ingest.connections.sockets === 2);
  });

  it('leaves one line at info', async ({ startIngest }) => {
    const ingest = await startIngest();
    for (let n = 0; n < 10; n++) await deafVehicle(ingest);
    await eventually(() => ingest.lines.filter(({ event }) => event === 'vehicle_disconnected').length >= 8);
    const infos = ingest.lines.filter(({ level }) => level === 'info');
    expect(infos.map(({ event }) => event).filter((event) => String(event).startsWith('vehicle_'))).toEqual([
      'vehicle_connected',
      'vehicle_connected',
    ]);
  });
});

it('a vehicle that connects too often is refused with 429, and no other vehicle', async ({ startIngest }) => {
  const ingest = await startIngest({ connectsPerMinute: 3 });
  for (let n = 0; n < 3; n++) await ingest.connect();
  for (let n = 0; n < 3; n++) await expect(ingest.connect()).rejects.toMatchObject({ statusCode: 429 });
  await (await ingest.connect({ vin: OTHER_VIN })).fence();
  expect(ingest.counts.refusedConnections).toEqual({ vehicle_connects: 3 });
  expect(ingest.lines.filter(({ event }) => event === 'vehicle_connects_limited')).toEqual([
    expect.objectContaining({ level: 'warn', address: '127.0.0.1' }),
  ]);
});

describe('VEHICLE_BYTES_PER_MINUTE', () => {
  it('pauses a vehicle that sends more, loses no record, and is that of the vehicle, not of the connection', async ({
    startIngest,
  }) => {
    let nowMs = performance.now();
    const ingest = await startIngest({
      env: { VEHICLE_BYTES_PER_MINUTE: '6000000' },
      monotonicNow: () => nowMs,
    });
    const [busy, calm] = [await ingest.connect(), await ingest.connect({ vin: OTHER_VIN })];
    const txids = Array.from({ length: 68 }, (_, n) => `tx-${n}`);
    for (const txid of txids) busy.send({ txid, textLength: 90_000 });
    await eventually(() => ingest.connections.pausedSockets === 1);
    for (let round = 0; round < 5; round++) await calm.fence(`calm-${round}`);
    expect(busy.acks().length).toBeLessThan(68);
    expect(ingest.lines.filter(({ event }) => event === 'vehicle_bytes_limited')).toEqual([
      expect.objectContaining({ level: 'warn', remedy: 'VEHICLE_BYTES_PER_MINUTE' }),
    ]);
    expect((await ingest.admin('/metrics')).text).toMatch(/fleetbridge_ingest_byte_limited_vehicles\{.*\} 1$/m);
    const { text: page } = await ingest.admin('/');
    expect(page).toMatch(
      new RegExp(`${VIN}</th><td class="long">for \\d+ s, slowed down: over VEHICLE_BYTES_PER_MINUTE</td>`),
    );
    expect(page.match(/slowed down/g)).toHaveLength(1);
    // 100,000 bytes per second are forgiven
    nowMs += 2_000;
    await eventually(() => busy.acks().length === 68);
    expect(busy.acks()).toEqual(txids);

    const again = await ingest.connect();
    for (let n = 0; n < 5; n++) again.send({ txid: `again-${n}`, textLength: 90_000 });
    await eventually(() => ingest.connections.pausedSockets === 1);
    await calm.fence('calm-after');
    expect(again.acks().length).toBeLessThan(5);
  });
});

describe('RATE_LIMIT_RECORDS', () => {
  const limits = { RATE_LIMIT_RECORDS: '10', RATE_LIMIT_SECONDS: '1' };

  it('pauses a vehicle that sends more, loses no record, and does not delay other vehicles', async ({
    startIngest,
  }) => {
    let nowMs = Date.now();
    const ingest = await startIngest({ env: limits, monotonicNow: () => nowMs });
    const [busy, calm] = [await ingest.connect(), await ingest.connect({ vin: OTHER_VIN })];
    // larger than one read of a socket
    const txids = Array.from({ length: 12 }, (_, n) => `tx-${n}`);
    for (const txid of txids) busy.send({ txid, textLength: 70_000 });
    await eventually(() => ingest.connections.pausedSockets === 1);
    await calm.fence();
    await eventually(() => busy.acks().length >= 10);
    for (let round = 0; round < 5; round++) await calm.fenceWithoutLog();
    expect(busy.acks().length).toBeLessThan(12);
    expect(ingest.counts.rateLimited).toBeGreaterThanOrEqual(1);
    // a paused connection is not silent
    nowMs += 500_000;
    ingest.connections.sweep();
    expect(ingest.connections.silent).toBe(1);
    await eventually(() => busy.acks().length === 12);
    expect(busy.acks()).toEqual(txids);
    await eventually(() => ingest.connections.pausedSockets === 0);
    expect((await ingest.admin('/metrics')).text).toMatch(/fleetbridge_ingest_rate_limited_total\{.*\} [1-9]/);
  });

  it('limits the average rate in real time', async ({ startIngest }) => {
    const env = { RATE_LIMIT_RECORDS: '100', RATE_LIMIT_SECONDS: '1', VEHICLE_BYTES_PER_MINUTE: '0' };
    const ingest = await startIngest({ env });
    const vehicle = await ingest.connect();
    const startedMs = performance.now();
    for (let n = 0; n < 150; n++) vehicle.send({ txid: `tx-${n}`, textLength: 20_000 });
    await eventually(() => vehicle.acks().length === 150);
    // fifty records more than tokens take half a second, less the records of the last read
    expect(performance.now() - startedMs).toBeGreaterThan(400);
  });

  it('applies to the vehicle: a new connection has no new tokens', async ({ startIngest }) => {
    const ingest = await startIngest({ env: { ...limits, RATE_LIMIT_SECONDS: '86400' } });
    const first = await ingest.connect();
    for (let n = 0; n < 10; n++) first.send({ txid: `tx-${n}` });
    await eventually(() => first.acks().length === 10);
    expect(ingest.connections.pausedSockets).toBe(1);
    const second = await ingest.connect();
    second.send({ txid: 'one more' });
    await eventually(() => ingest.counts.rateLimited === 2);
    expect(ingest.connections.connected).toBe(1);
  });

  it('closes a replaced connection properly when its unread records end inside a frame', async ({ startIngest }) => {
    const ingest = await startIngest({ env: { ...limits, RATE_LIMIT_SECONDS: '86400' } });
    const first = await ingest.connect();
    for (let n = 0; n < 10; n++) first.send({ txid: `tx-${n}` });
    await eventually(() => first.acks().length === 10);
    for (let n = 0; n < 5; n++) first.send({ txid: `unread-${n}`, textLength: 30_001 });
    await ingest.connect();
    expect(await first.closed).toBe(1000);
    await eventually(() => ingest.lines.some(({ event }) => event === 'vehicle_disconnected'));
    expect(ingest.lines.find(({ event }) => event === 'vehicle_disconnected')).toMatchObject({ code: 1000 });
    expect(ingest.counts.ended).toEqual({});
    expect(await ingest.story()).not.toContain('unread-0');
  });

  it('does not pause a vehicle within the limit', async ({ startIngest }) => {
    const ingest = await startIngest({ env: limits });
    const vehicle = await ingest.connect();
    for (let n = 0; n < 9; n++) vehicle.send({ txid: `tx-${n}` });
    await eventually(() => vehicle.acks().length === 9);
    expect(ingest.counts.rateLimited).toBe(0);
    expect(ingest.connections.pausedSockets).toBe(0);
  });
});

/** Its WebSocket is open, and it answers no frame. */
async function deafVehicle({ pki, ports }: TestIngest): Promise<TLSSocket> {
  const { certificatePem: cert, keyPem: key } = pki.vehicle(VIN);
  const socket = connectTls({ port: ports.vehicles, host: '127.0.0.1', ca: pki.serverCaPem, cert, key });
  socket.on('error', () => {});
  onTestFinished(() => void socket.destroy());
  const headers = 'Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n';
  socket.write(`GET / HTTP/1.1\r\n${headers}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  expect(answer.toString()).toContain('101 Switching Protocols');
  return socket.resume();
}
