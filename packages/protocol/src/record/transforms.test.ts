import { describe, expect, it } from 'vitest';
import { fixedNotation, parseLocation } from './transforms.js';

describe('fixedNotation', () => {
  it.each([
    ['1.5e-3', '0.00150'],
    ['-1.2345e+04', '-12345.00000'],
    ['.5E1', '5.00000'],
    ['1.5625e-2', '0.01562'],
    ['1.0e30', '1000000015047466219876688855040.00000'],
    ['1.0e99', '1.0e99'],
    ['12.427', '12.427'],
    ['1e5', '1e5'],
    ['50', '50'],
    ['D', 'D'],
  ])('%s becomes %s', (text, expected) => {
    expect(fixedNotation(text)).toBe(expected);
  });
});

describe('parseLocation', () => {
  it.each([
    ['(37.412374 N, 122.145867 W)', { latitude: 37.412374, longitude: -122.145867 }],
    ['(33.8 S, 151 E)', { latitude: -33.8, longitude: 151 }],
    ['(not a place)', undefined],
    ['37.4 N, 122.1 W', undefined],
  ])('%s', (text, expected) => {
    expect(parseLocation(text)).toEqual(expected);
  });
});
