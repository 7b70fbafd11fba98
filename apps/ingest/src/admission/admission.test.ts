import type { Verdict } from '@fleetbridge/store';
import { describe, expect, it } from 'vitest';
import { createAdmission, parseVinFile } from './admission.js';

describe('createAdmission', () => {
  const none: Record<string, Verdict> = {};
  it.each([
    [['*'], none, 'ANY', true],
    [['A', '*'], none, 'ANY', true],
    [['A', 'B'], none, 'B', true],
    [['A'], none, 'a', true],
    [['A'], none, 'AB', false],
    [[], none, 'A', false],
    [[], { A: 'allow' }, 'A', true],
    [[], { A: 'allow' }, 'a', true],
    [[], { A: 'allow' }, 'B', false],
    [['A'], { A: 'deny' }, 'A', false],
    [['*'], { A: 'deny' }, 'A', false],
    [['*'], { A: 'deny' }, 'B', true],
  ] as const)('with %j and %j: %s is admitted: %s', (listed, verdicts, vin, isAdmitted) => {
    const lists = {
      listed: new Set<string>(listed),
      verdicts: new Map(Object.entries(verdicts) as [string, Verdict][]),
    };
    expect(createAdmission(lists)(vin)).toBe(isAdmitted);
  });
});

describe('parseVinFile', () => {
  it.each([
    ['', [], []],
    ['A\nb\n', ['A', 'B'], []],
    ['# ours\r\n  A  # the red one\r\n\r\n#B\r\n', ['A'], []],
    ['*\n', ['*'], []],
    ['A,B\nC\nD E\n', ['C'], [1, 3]],
    [`${'A'.repeat(65)}`, [], [1]],
  ])('%j has the VINs %j and bad lines %j', (text, vins, badLines) => {
    expect(parseVinFile(text)).toEqual({ vins, badLines });
  });
});
