import { describe, expect, it } from 'vitest';
import { booleanOf, enumTailOf, locationOf, numberOf } from './signal-reading.js';

it.each([
  [0, 0],
  [12.4, 12.4],
  ['12.4', 12.4],
  [' -7 ', -7],
  ['+.5', 0.5],
  ['0', 0],
  ['1e3', 1_000],
  ['', undefined],
  ['x', undefined],
  ['12 km', undefined],
  ['0x10', undefined],
  ['Infinity', undefined],
  ['1e999', undefined],
  [Number.NaN, undefined],
  [true, undefined],
  [null, undefined],
  [undefined, undefined],
  [{ latitude: 1, longitude: 2 }, undefined],
])('reads the number of %j as %s', (value, expected) => {
  expect(numberOf(value)).toBe(expected);
});

it.each([
  ['ShiftStateD', 'ShiftState', 'D'],
  ['D', 'ShiftState', 'D'],
  ['DetailedChargeStateCharging', 'DetailedChargeState', 'Charging'],
  ['Charging', 'DetailedChargeState', 'Charging'],
  ['ShiftState', 'ShiftState', undefined],
  ['', 'ShiftState', undefined],
  [7, 'ShiftState', undefined],
  [null, 'ShiftState', undefined],
  [undefined, 'ShiftState', undefined],
])('reads %j without %s as %s', (value, prefix, expected) => {
  expect(enumTailOf(value, prefix)).toBe(expected);
});

it.each([
  [true, true],
  [false, false],
  ['true', true],
  ['False', false],
  ['yes', undefined],
  [1, undefined],
  [null, undefined],
  [undefined, undefined],
])('reads the flag of %j as %s', (value, expected) => {
  expect(booleanOf(value)).toBe(expected);
});

describe('locationOf', () => {
  it.each([
    { latitude: 0, longitude: 11 },
    { latitude: 51.5, longitude: 0 },
    { latitude: -90, longitude: 180 },
    { latitude: 90, longitude: -180 },
  ])('accepts %j', (location) => {
    expect(locationOf(location)).toEqual(location);
  });

  it.each([
    { latitude: 90.000001, longitude: 0 },
    { latitude: 0, longitude: -180.000001 },
    { latitude: Number.NaN, longitude: 0 },
    { latitude: 0, longitude: Number.POSITIVE_INFINITY },
    { hour: 1, minute: 2, second: 3 },
    'somewhere',
    5,
    null,
    undefined,
  ])('finds no location in %j', (value) => {
    expect(locationOf(value)).toBeUndefined();
  });

  it('reads the text form of old configurations', () => {
    expect(locationOf('(37.412374 N, 122.145867 W)')).toEqual({ latitude: 37.412374, longitude: -122.145867 });
  });
});
