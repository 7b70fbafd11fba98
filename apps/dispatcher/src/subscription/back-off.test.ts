import { describe, expect, it } from 'vitest';
import { backOffMs } from './back-off.js';

describe('backOffMs', () => {
  it('grows from the minimum to the maximum, with a random upper half', () => {
    const limits = { minimumSeconds: 0.1, maximumSeconds: 60 };
    expect([1, 2, 3, 11, 1_000].map((n) => backOffMs(n, limits, () => 1))).toEqual([100, 200, 400, 60_000, 60_000]);
    expect([1, 2, 3, 11].map((n) => backOffMs(n, limits, () => 0))).toEqual([100, 100, 200, 30_000]);
  });
});
