import { describe, expect, it } from 'vitest';
import { isVehicleVin, isVin, normalizeVin } from './vin.js';

describe('isVin', () => {
  it.each(['5YJ3E1EA7KF000001', '5yj3e1ea7kf000001', 'VIN-1', 'A', 'A'.repeat(64)])('accepts %s', (text) => {
    expect(isVin(text)).toBe(true);
  });

  it.each(['', '*', 'VIN 1', 'VIN_1', 'VIN:1', '../VIN', 'VIN1\n', 'ſ', 'A'.repeat(65)])('rejects %j', (text) => {
    expect(isVin(text)).toBe(false);
  });
});

it.each([
  ['5YJ3E1EA7KF000001', true],
  ['5yj3e1ea7kf000001', true],
  ['5YJ3E1EA7KF00000', false],
  ['5YJ3E1EA7KF0000011', false],
  ['5YJ3E1EA7KFO00001', false],
  ['"5YJ3E1EA7KF00001', false],
  ['ſYJ3E1EA7KF000001', false],
])('isVehicleVin(%j) is %s', (text, expected) => {
  expect(isVehicleVin(text)).toBe(expected);
});

it('spells a VIN in capitals', () => {
  expect(normalizeVin('5yj3e1ea7kf000001')).toBe('5YJ3E1EA7KF000001');
});
