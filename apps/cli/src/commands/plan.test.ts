import { expect, it } from 'vitest';
import { UsageError } from './command.js';
import { readPlan } from './plan.js';

it('parses a plan, and rejects anything else', () => {
  expect(readPlan('drive:600, park:0.5')).toEqual([
    { phase: 'drive', seconds: 600 },
    { phase: 'park', seconds: 0.5 },
  ]);
  for (const text of ['', 'drive', 'fly:3', 'drive:0', 'drive:1:2', 'drive:1,']) {
    expect(() => readPlan(text)).toThrow(UsageError);
  }
});
