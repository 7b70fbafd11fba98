import { beforeEach, expect, it } from 'vitest';
import { AddressLimits } from './address-limits.js';

let nowMs = 0;
let limits: AddressLimits<string>;
beforeEach(() => {
  nowMs = 0;
  limits = new AddressLimits({ failures: 10, forgivenPerSecond: 2, unfinished: 3 }, () => nowMs);
});

function fail(address: string, times: number): void {
  for (let n = 0; n < times; n++) limits.recordFailure(address);
}

it('limits an address that fails too often, and no other', () => {
  fail('a', 9);
  expect(limits.hasFailedTooOften('a')).toBe(false);
  fail('a', 1);
  expect(limits.hasFailedTooOften('a')).toBe(true);
  expect(limits.hasFailedTooOften('b')).toBe(false);
});

it('forgives failures with time, a flood as fast as the last few', () => {
  fail('a', 1_000);
  expect(limits.hasFailedTooOften('a')).toBe(true);
  nowMs += 1_000;
  expect(limits.hasFailedTooOften('a')).toBe(false);
});

it('gives a failure back for a success, and never limits successes', () => {
  fail('carrier', 9);
  for (let n = 0; n < 2_000; n++) limits.recordSuccess('carrier');
  fail('carrier', 9);
  expect(limits.hasFailedTooOften('carrier')).toBe(false);
});

it('limits unfinished connections until they finish, and names the oldest one beyond', () => {
  const add = (connection: string) => limits.addUnfinished('a', connection);
  expect(['1', '2', '3', '4'].map(add)).toEqual([undefined, undefined, undefined, '1']);
  limits.removeUnfinished('a', '1');
  expect(add('5')).toBe('2');
  for (const connection of ['2', '3']) limits.removeUnfinished('a', connection);
  expect(add('6')).toBeUndefined();
});

it('logs a limited address once, and again after half of its failures are forgiven', () => {
  fail('a', 10);
  expect([limits.shouldLog('a'), limits.shouldLog('a')]).toEqual([true, false]);
  nowMs += 5_000;
  limits.recordFailure('a');
  expect(limits.shouldLog('a')).toBe(true);
});

it('keeps only addresses with failures or unfinished connections, and a bounded number of them', () => {
  fail('bad', 1);
  limits.addUnfinished('busy', '1');
  limits.recordSuccess('good');
  nowMs += 1_000;
  limits.cleanup();
  expect(limits.size).toBe(1);
  for (let n = 0; n < 30_000; n++) limits.recordFailure(`x-${n}`);
  expect(limits.size).toBe(20_000);
});
