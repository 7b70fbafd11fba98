import fc from 'fast-check';
import { expect, it } from 'vitest';
import { shortestFloat } from './shortest-float.js';

it.each([
  [Math.fround(52.3), '52.3'],
  [Math.fround(2.9), '2.9'],
  [Math.fround(30492.8), '30492.8'],
  [Math.fround(-12.3), '-12.3'],
  [Math.fround(0.1), '0.1'],
  [0.1, '0.1'],
  [0.5, '0.5'],
  [16_777_216, '16777216'],
  [Math.fround(123_456_789), '123456790'],
  [Math.fround(1 / 3), '0.33333334'],
  [Math.fround(8388609.5), '8388610'],
  [1.401298464324817e-45, '1e-45'],
  [3.4028234663852886e38, '3.4028235e+38'],
  [Number.NaN, 'NaN'],
  [Number.NEGATIVE_INFINITY, '-Infinity'],
])('prints %s as %s', (value, text) => {
  expect(String(shortestFloat(value))).toBe(text);
});

it('keeps the sign of zero', () => {
  expect([shortestFloat(0), shortestFloat(-0)]).toEqual([0, -0]);
});

it('reads back as the same float, with at most nine digits, and is stable', () => {
  fc.assert(
    fc.property(fc.float({ noNaN: true }), (float) => {
      const short = shortestFloat(float);
      expect(Math.fround(short)).toBe(float);
      expect(shortestFloat(short)).toBe(short);
      if (Number.isFinite(float)) expect(Number(short.toPrecision(9)) === short).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});
