import type { Verdict } from '@fleetbridge/store';
import { describe, expect, it } from 'vitest';
import { createAdmission, parseVinFile } from './admission.js';

describe('createAdmission', () => {
  const noVerdicts: Record<string, Verdict> = {};
  it.each([
    [['*'], noVerdicts, 'ANY', true],
    [['A', '*'], noVerdicts, 'ANY', true],
    [['A', 'B'], noVerdicts, 'B', true],
    [['A'], noVerdicts, 'a', true],
    [['A'], noVerdicts, 'AB', false],
    [[], noVerdicts, 'A', false],
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
