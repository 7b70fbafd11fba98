import { beforeEach, expect, it } from 'vitest';
import { AddressLimits } from './address-limits.js';

let nowMs = 0;
let book: AddressLimits;
beforeEach(() => {
  nowMs = 0;
  book = new AddressLimits({ failures: 10, forgivenPerSecond: 2, unfinished: 3 }, () => nowMs);
});

function fail(address: string, times: number): void {
  for (let n = 0; n < times; n++) book.failed(address);
}

it('an address that fails too often has to wait, and no other', () => {
  fail('a', 9);
  expect(book.hasFailedTooOften('a')).toBe(false);
  fail('a', 1);
  expect(book.hasFailedTooOften('a')).toBe(true);
  expect(book.hasFailedTooOften('b')).toBe(false);
});

it('failures are forgiven with time, and a flood is not held against it for longer than a few', () => {
  fail('a', 1_000);
  expect(book.hasFailedTooOften('a')).toBe(true);
  nowMs += 1_000;
  expect(book.hasFailedTooOften('a')).toBe(false);
});

it('a success takes a failure back, and many of them never count', () => {
  fail('carrier', 9);
  for (let n = 0; n < 2_000; n++) book.succeeded('carrier');
  fail('carrier', 9);
  expect(book.hasFailedTooOften('carrier')).toBe(false);
});

it('unfinished ones are limited until they come to an end', () => {
  expect([1, 2, 3, 4].map(() => book.leavesUnfinished('a'))).toEqual([true, true, true, false]);
  book.isFinished('a');
  book.isFinished('a');
  expect(book.leavesUnfinished('a')).toBe(true);
});

it('that it is limited is news once, until it has been good for a while', () => {
  fail('a', 10);
  expect([book.isNews('a'), book.isNews('a')]).toEqual([true, false]);
  nowMs += 5_000;
  book.failed('a');
  expect(book.isNews('a')).toBe(true);
});

it('remembers those with something against them, and a bounded number of them', () => {
  fail('bad', 1);
  book.leavesUnfinished('busy');
  book.succeeded('good');
  nowMs += 1_000;
  book.tidy();
  expect(book.size).toBe(1);
  for (let n = 0; n < 30_000; n++) book.failed(`x-${n}`);
  expect(book.size).toBe(20_000);
});
