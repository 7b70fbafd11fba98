import { eventually } from '@fleetbridge/testing';
import { expect } from 'vitest';
import { LeaseLost } from '../redis/errors.js';
import { it } from '../testing/index.js';
import { acquireLease, releaseLease, renewLease } from './lease.js';

it('has one holder at a time, and a higher epoch with each acquisition', async ({ store }) => {
  const request = { partition: 0, name: 'work', leaseMs: 60_000 };
  const first = await acquireLease(store, { ...request, owner: 'a' });
  expect(await acquireLease(store, { ...request, owner: 'b' })).toBeUndefined();
  await releaseLease(store, first!);
  const second = await acquireLease(store, { ...request, owner: 'b' });
  expect(second!.epoch).toBeGreaterThan(first!.epoch);
  await expect(renewLease(store, first!, 60_000)).rejects.toThrow(LeaseLost);
  await renewLease(store, second!, 60_000);
});

it('expires, and its former holder can neither renew nor release it', async ({ store }) => {
  const request = { partition: 0, name: 'work', leaseMs: 60_000 };
  const first = await acquireLease(store, { ...request, owner: 'a' });
  expect(first?.epoch).toBe(1);
  expect(await acquireLease(store, { ...request, owner: 'b' })).toBeUndefined();
  await renewLease(store, first!, 1);
  const second = await eventually(async () => (await acquireLease(store, { ...request, owner: 'b' })) ?? false);
  expect(second.epoch).toBe(2);
  await expect(renewLease(store, first!, 60_000)).rejects.toThrow(LeaseLost);
  await releaseLease(store, first!);
  await renewLease(store, second, 60_000);
  await releaseLease(store, second);
  expect(await acquireLease(store, { ...request, owner: 'a' })).toMatchObject({ epoch: 3 });
});

it('of a dead process expires in time although the clock of Redis was set back by an hour', async ({
  store,
  redis,
}) => {
  const request = { partition: 0, name: 'work', leaseMs: 10 };
  const first = await acquireLease(store, { ...request, owner: 'dead' });
  // its expiry is a time of the clock before
  await renewLease(store, first!, 3_600_000);
  const second = await eventually(async () => (await acquireLease(store, { ...request, owner: 'b' })) ?? false);
  expect(second.epoch).toBe(2);
  const { lease } = store.keys(0);
  expect(await redis.pttl(lease('work'))).toBeLessThanOrEqual(10);
});

it('can be acquired and renewed while memory is full, so that a dispatcher can trim the log', async ({
  redis,
  store,
}) => {
  await redis.config('SET', 'maxmemory', '1');
  try {
    await expect(redis.set('anything', 'x')).rejects.toThrow('OOM');
    const lease = await acquireLease(store, { partition: 0, name: 'trim', owner: 'a', leaseMs: 60_000 });
    expect(lease).toBeDefined();
    await renewLease(store, lease!, 60_000);
  } finally {
    await redis.config('SET', 'maxmemory', '0');
  }
});
