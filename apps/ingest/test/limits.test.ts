// Limits of connections and of messages per vehicle.
import { VehicleConnectError } from '@fleetbridge/simulator';
import { eventually } from '@fleetbridge/testing';
import { describe, expect } from 'vitest';
import { OTHER_VIN } from './ingest-rig.js';
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

describe('RATE_LIMIT_RECORDS', () => {
  const limits = { RATE_LIMIT_RECORDS: '10', RATE_LIMIT_SECONDS: '1' };

  it('pauses a vehicle that sends more, loses no record, and does not delay other vehicles', async ({
    startIngest,
  }) => {
    let nowMs = Date.now();
    const ingest = await startIngest({ env: limits, now: () => nowMs });
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
    expect(ingest.connections.pausedSockets).toBe(0);
    expect((await ingest.admin('/metrics')).text).toMatch(/fleetbridge_ingest_rate_limited_total\{.*\} [1-9]/);
  });

  it('limits the average rate in real time', async ({ startIngest }) => {
    const env = { RATE_LIMIT_RECORDS: '100', RATE_LIMIT_SECONDS: '1' };
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
