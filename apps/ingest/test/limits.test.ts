// Limits of what vehicles may take: connections in all, messages of each.
import { VehicleConnectError } from '@fleetbridge/simulator';
import { type DisposableRedis, eventually, startRedis } from '@fleetbridge/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createTestPki, OTHER_VIN, startTestIngest, type TestIngest, type TestPki } from './ingest-rig.js';

let redis: DisposableRedis;
let pki: TestPki;
let ingest: TestIngest;

beforeAll(async () => {
  redis = await startRedis();
  pki = createTestPki();
});
afterEach(() => ingest.dispose());
afterAll(async () => {
  pki.dispose();
  await redis.stop();
});

describe('MAX_CONNECTIONS', () => {
  it('refuses the next vehicle with 503 before the upgrade, lets a connected one come anew, and has room again', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki, env: { MAX_CONNECTIONS: '1' } });
    const first = await ingest.connect();
    await first.fence('a');
    const refused = await ingest.connect({ vin: OTHER_VIN }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(VehicleConnectError);
    expect(refused).toMatchObject({ statusCode: 503 });
    expect(ingest.counts.refusedConnections).toEqual({ too_many_connections: 1 });

    const anew = await ingest.connect();
    await anew.fence('b');
    expect(await first.closed).toBe(1000);
    anew.connection.terminate();
    await eventually(() => ingest.connections.connected === 0);
    await (await ingest.connect({ vin: OTHER_VIN })).fence('c');
  });

  it('is no limit when it is 0', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki, env: { MAX_CONNECTIONS: '0' } });
    await (await ingest.connect()).fence();
    await (await ingest.connect({ vin: OTHER_VIN })).fence();
  });
});

describe('RATE_LIMIT_RECORDS', () => {
  const limits = { RATE_LIMIT_RECORDS: '10', RATE_LIMIT_SECONDS: '1' };

  it('pauses a vehicle that sends more, loses nothing of it, and holds up nobody else', async () => {
    let nowMs = Date.now();
    ingest = await startTestIngest({ redisUrl: redis.url, pki, env: limits, now: () => nowMs });
    const [busy, calm] = [await ingest.connect(), await ingest.connect({ vin: OTHER_VIN })];
    // larger than what is read of a socket at a time
    const txids = Array.from({ length: 12 }, (_, n) => `tx-${n}`);
    for (const txid of txids) busy.send({ txid, textLength: 70_000 });
    await eventually(() => ingest.connections.pausedSockets === 1);
    await calm.fence();
    await eventually(() => busy.acks().length >= 10);
    for (let round = 0; round < 5; round++) await calm.fenceWithoutLog();
    expect(busy.acks().length).toBeLessThan(12);
    expect(ingest.counts.rateLimited).toBeGreaterThanOrEqual(1);
    // the connection is not silent, it is not listened to
    nowMs += 500_000;
    ingest.connections.sweep();
    expect(ingest.connections.silent).toBe(1);
    await eventually(() => busy.acks().length === 12);
    expect(busy.acks()).toEqual(txids);
    expect(ingest.connections.pausedSockets).toBe(0);
    expect((await ingest.admin('/metrics')).text).toMatch(/fleetbridge_ingest_rate_limited_total\{.*\} [1-9]/);
  });

  it('lets through what it says on average, in real time', async () => {
    const env = { RATE_LIMIT_RECORDS: '100', RATE_LIMIT_SECONDS: '1' };
    ingest = await startTestIngest({ redisUrl: redis.url, pki, env });
    const vehicle = await ingest.connect();
    const startedMs = performance.now();
    for (let n = 0; n < 150; n++) vehicle.send({ txid: `tx-${n}`, textLength: 20_000 });
    await eventually(() => vehicle.acks().length === 150);
    // fifty more than there were tokens for take half a second; less what one read brought beyond them
    expect(performance.now() - startedMs).toBeGreaterThan(400);
  });

  it('is of the vehicle, not of the connection: who comes anew has no new tokens', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki, env: { ...limits, RATE_LIMIT_SECONDS: '86400' } });
    const first = await ingest.connect();
    for (let n = 0; n < 10; n++) first.send({ txid: `tx-${n}` });
    await eventually(() => first.acks().length === 10);
    expect(ingest.connections.pausedSockets).toBe(1);
    const second = await ingest.connect();
    second.send({ txid: 'one more' });
    await eventually(() => ingest.counts.rateLimited === 2);
    expect(ingest.connections.connected).toBe(1);
  });

  it('says goodbye properly to a replaced vehicle whose records lay unread, cut anywhere', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki, env: { ...limits, RATE_LIMIT_SECONDS: '86400' } });
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

  it('leaves a vehicle alone that keeps to it', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki, env: limits });
    const vehicle = await ingest.connect();
    for (let n = 0; n < 9; n++) vehicle.send({ txid: `tx-${n}` });
    await eventually(() => vehicle.acks().length === 9);
    expect(ingest.counts.rateLimited).toBe(0);
    expect(ingest.connections.pausedSockets).toBe(0);
  });
});
