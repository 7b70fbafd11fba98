import { describe, expect, it } from 'vitest';
import { compareEntryIds, isAfter, justBefore } from './entry-id.js';

describe('compareEntryIds', () => {
  it('compares numbers, not text', () => {
    const sorted = ['0-0', '9-0', '10-0', '10-2', '10-10', '1784000000000-0'];
    expect([...sorted].reverse().sort(compareEntryIds)).toEqual(sorted);
  });

  it.each([
    ['7', '7-0'],
    ['007-01', '7-1'],
    ['0-0', '0-0'],
  ])('%s equals %s', (a, b) => {
    expect(compareEntryIds(a, b)).toBe(0);
    expect(compareEntryIds(b, a)).toBe(0);
  });

  it('compares leading zeros of a client cursor as numbers', () => {
    expect(compareEntryIds('0009-0', '10-0')).toBeLessThan(0);
    expect(compareEntryIds('10-0', '0009-0')).toBeGreaterThan(0);
  });
});

describe('isAfter', () => {
  it.each([
    ['10-0', '9-0', true],
    ['9-0', '10-0', false],
    ['9-10', '9-9', true],
    ['9-9', '9-10', false],
    ['9-9', '9-9', false],
    ['1700000000000-18446744073709551615', '1700000000000-18446744073709551614', true],
  ])('compares entry ids as numbers: %s after %s is %s', (a, b, expected) => {
    expect(isAfter(a, b)).toBe(expected);
  });
});

describe('justBefore', () => {
  it.each([
    ['5-3', '5-2'],
    ['5-0', '4-9007199254740991'],
    ['0-0', '0-0'],
  ])('%s is %s', (entryId, before) => {
    expect(justBefore(entryId)).toBe(before);
  });
});
