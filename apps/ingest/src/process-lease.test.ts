import { createLogger } from '@fleetbridge/service';
import { PROCESS_LEASE_MS, Presence, partitionKeys, whenReady } from '@fleetbridge/store';
import { it as redisIt } from '@fleetbridge/store/testing';
import { eventually } from '@fleetbridge/testing';
import { describe, expect } from 'vitest';
import { ProcessLease } from './process-lease.js';

const log = createLogger({ name: 'test', level: 'silent' });

interface LeaseContext {
  lease: ProcessLease;
  losses: { count: number };
  keyOf: (processId: string) => string;
}

const it = redisIt.extend<LeaseContext>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of fixtures from an object pattern
  losses: async ({}, use) => {
    await use({ count: 0 });
  },
  lease: async ({ store, redisServer, losses }, use) => {
    const lease = new ProcessLease({ presence: new Presence(store), log, onLost: () => losses.count++ });
    await use(lease);
    redisServer.resume();
    await lease.stop();
  },
  keyOf: async ({ namespace }, use) => {
    await use(partitionKeys(namespace, 0).process);
  },
});

describe('ProcessLease', () => {
  it('keeps its id while it is renewed in time', async ({ lease, losses, keyOf, redis }) => {
    await lease.start();
    const { processId } = lease;
    expect(await redis.pttl(keyOf(processId))).toBeGreaterThan(PROCESS_LEASE_MS / 2);
    await lease.renew();
    await lease.renew();
    expect(lease.processId).toBe(processId);
    expect(losses.count).toBe(0);
  });

  it('gets a new id after it expired, and reports the loss once', async ({ lease, losses, keyOf, redis }) => {
    await lease.start();
    const { processId } = lease;
    await redis.del(keyOf(processId));
    await lease.renew();
    expect(lease.processId).not.toBe(processId);
    expect(await redis.exists(keyOf(lease.processId))).toBe(1);
    await lease.renew();
    expect(losses.count).toBe(1);
  });

  it('counts as lost when the first attempt failed', async ({ lease, losses, keyOf, redis, redisServer }) => {
    await redisServer.kill();
    await lease.start();
    await redisServer.start();
    await whenReady(redis, 5_000);
    await lease.renew();
    expect(losses.count).toBe(1);
    expect(await redis.exists(keyOf(lease.processId))).toBe(1);
  });

  it('sends one renewal at a time to a Redis that does not answer', async ({
    lease,
    losses,
    keyOf,
    redis,
    redisServer,
  }) => {
    await lease.start();
    const { processId } = lease;
    await redis.del(keyOf(processId));
    redisServer.pause();
    const renewals = Array.from({ length: 5 }, () => lease.renew());
    redisServer.resume();
    await Promise.all(renewals);
    await eventually(() => losses.count === 1);
    expect(await redis.keys(keyOf('*'))).toHaveLength(2);
  });

  it('ends with the process', async ({ lease, keyOf, redis }) => {
    await lease.start();
    const { processId } = lease;
    await lease.stop();
    expect(await redis.exists(keyOf(processId))).toBe(0);
    await lease.renew();
    expect(await redis.exists(keyOf(processId))).toBe(0);
  });

  it('does not delay a stop while Redis does not answer', async ({ lease, redisServer }) => {
    await lease.start();
    redisServer.pause();
    await lease.stop();
  });
});
