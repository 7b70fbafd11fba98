import { expect } from 'vitest';
import { connectRedis, forwardedCallsKey, Store, whenReady } from '../redis/index.js';
import { it } from '../testing/index.js';
import { readForwardedCalls, releaseForwardedCall, reserveForwardedCall } from './forwarded-calls.js';

const nowMs = Date.UTC(2026, 10, 26, 12);
const DAY_MS = 86_400_000;

it('never reserves more calls than the limit per day, in several processes at once', async ({ store, redisServer }) => {
  const redis = connectRedis({ url: redisServer.url, name: 'other' });
  await whenReady(redis, 30_000);
  const other = new Store({ redis, url: redisServer.url, namespace: store.namespace, partitions: 1 });
  const limits = { nowMs, perDay: 20, perMonth: 500 };
  const results = await Promise.all(
    Array.from({ length: 60 }, (_, n) => reserveForwardedCall(n % 2 === 0 ? store : other, limits)),
  );
  expect(results.filter((result) => result === 'reserved')).toHaveLength(20);
  expect(results.filter((result) => result === 'day')).toHaveLength(40);
  expect(await readForwardedCalls(store, { nowMs })).toEqual({ today: 20, thisMonth: 20 });
  redis.disconnect();
});

it('has new calls on the next day until the limit of the month, and in the next month', async ({ store }) => {
  const reserve = (atMs: number) => reserveForwardedCall(store, { nowMs: atMs, perDay: 2, perMonth: 3 });
  expect([await reserve(nowMs), await reserve(nowMs), await reserve(nowMs)]).toEqual(['reserved', 'reserved', 'day']);
  const nextDay = nowMs + DAY_MS;
  expect([await reserve(nextDay), await reserve(nextDay)]).toEqual(['reserved', 'month']);
  const nextMonth = nowMs + 10 * DAY_MS;
  expect(await reserve(nextMonth)).toBe('reserved');
  expect(await readForwardedCalls(store, { nowMs: nextMonth })).toEqual({ today: 1, thisMonth: 1 });
});

it('returns a call that has not left', async ({ store }) => {
  const limits = { nowMs, perDay: 1, perMonth: 1 };
  expect(await reserveForwardedCall(store, limits)).toBe('reserved');
  await releaseForwardedCall(store, limits);
  expect(await readForwardedCalls(store, limits)).toEqual({ today: 0, thisMonth: 0 });
  expect(await reserveForwardedCall(store, limits)).toBe('reserved');
});

it('keeps the last 40 days only, and 0 allows no call', async ({ store, redis }) => {
  for (let days = 0; days < 100; days += 10) {
    await reserveForwardedCall(store, { nowMs: nowMs + days * DAY_MS, perDay: 5, perMonth: 50 });
  }
  // five days and two months, with the month of the first of these days
  expect(await redis.hlen(forwardedCallsKey(store.namespace))).toBeLessThanOrEqual(8);
  expect(await reserveForwardedCall(store, { nowMs, perDay: 0, perMonth: 50 })).toBe('day');
  expect(await reserveForwardedCall(store, { nowMs, perDay: 50, perMonth: 0 })).toBe('month');
});
