import { describe, expect, it } from 'vitest';
import { createAdmission } from './admission.js';

describe('createAdmission', () => {
  it.each([
    [['*'], 'ANY', true],
    [['A', '*'], 'ANY', true],
    [['A', 'B'], 'B', true],
    [['a'], 'A', true],
    [['A'], 'a', true],
    [['A'], 'AB', false],
    [[], 'A', false],
  ])('with %j: %s is admitted: %s', (allowed, vin, isAdmitted) => {
    expect(createAdmission(allowed)(vin)).toBe(isAdmitted);
  });
});
