import type { Verdict } from '@fleetbridge/store';
import { describe, expect, it } from 'vitest';
import { createAdmission, entriesWithoutVin, parseVinFile } from './admission.js';

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

it.each([
  [['5YJ3E1EA7KF000001', '5yj3e1ea7kf000001', '*', 'none', '', '# ours'], []],
  [['5YJ3E1EA7KF000001 # the red one', 'myTesla!'], ['myTesla!']],
  [
    ['5YJ3E1EA7KF00001', '"5YJ3E1EA7KF000001"', '5YJ3E1EA7KFO00001'],
    ['5YJ3E1EA7KF00001', '"5YJ3E1EA7KF000001"', '5YJ3E1EA7KFO00001'],
  ],
])('of %j, %j are not VINs of vehicles', (entries, wrong) => {
  expect(entriesWithoutVin(entries)).toEqual(wrong);
});
