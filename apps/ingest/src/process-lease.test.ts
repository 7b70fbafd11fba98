import { createLogger } from '@fleetbridge/service';
import {
  connectRedis,
  PROCESS_LEASE_MS,
  Presence,
  partitionKeys,
  type RedisConnection,
  Store,
  whenReady,
} from '@fleetbridge/store';
import { type DisposableRedis, eventually, startRedis } from '@fleetbridge/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ProcessLease } from './process-lease.js';

let server: DisposableRedis;
let redis: RedisConnection;
let presence: Presence;
let lease: ProcessLease;
const log = createLogger({ name: 'test', level: 'silent' });
const { process: keyOf } = partitionKeys('test', 0);

beforeAll(async () => {
  server = await startRedis();
  redis = connectRedis({ url: server.url, name: 'test' });
  presence = new Presence(new Store({ redis, url: server.url, namespace: 'test', partitions: 1 }));
  await whenReady(redis, 5_000);
});
afterEach(async () => {
  server.resume();
  await lease.stop();
  await redis.flushall();
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

describe('ProcessLease', () => {
  it('keeps its id while it is renewed in time, and is not missed', async () => {
    const losses = open();
    await lease.start();
    const { processId } = lease;
    expect(await redis.pttl(keyOf(processId))).toBeGreaterThan(PROCESS_LEASE_MS / 2);
    await lease.renew();
    await lease.renew();
    expect(lease.processId).toBe(processId);
    expect(losses()).toBe(0);
  });

  it('that ran out gets a new id, of which is told once', async () => {
    const losses = open();
    await lease.start();
    const { processId } = lease;
    await redis.del(keyOf(processId));
    await lease.renew();
    expect(lease.processId).not.toBe(processId);
    expect(await redis.exists(keyOf(lease.processId))).toBe(1);
    await lease.renew();
    expect(losses()).toBe(1);
  });

  it('counts as lost when the first attempt had failed', async () => {
    const losses = open();
    await server.kill();
    await lease.start();
    await server.start();
    await whenReady(redis, 5_000);
    await lease.renew();
    expect(losses()).toBe(1);
    expect(await redis.exists(keyOf(lease.processId))).toBe(1);
  });

  it('asks a Redis that is silent once and not again and again', async () => {
    const losses = open();
    await lease.start();
    const { processId } = lease;
    await redis.del(keyOf(processId));
    server.pause();
    const renewals = Array.from({ length: 5 }, () => lease.renew());
    server.resume();
    await Promise.all(renewals);
    await eventually(() => losses() === 1);
    expect(await redis.keys(keyOf('*'))).toHaveLength(2);
  });

  it('ends with the process', async () => {
    open();
    await lease.start();
    const { processId } = lease;
    await lease.stop();
    expect(await redis.exists(keyOf(processId))).toBe(0);
    await lease.renew();
    expect(await redis.exists(keyOf(processId))).toBe(0);
  });

  it('does not keep a stop waiting for a Redis that is silent', async () => {
    open();
    await lease.start();
    server.pause();
    await lease.stop();
  });
});

/** Returns how often a loss was told. */
function open(): () => number {
  let losses = 0;
  lease = new ProcessLease({ presence, log, onLost: () => losses++ });
  return () => losses;
}
