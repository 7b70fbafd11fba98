import { describe, expect, it } from 'vitest';
import { numberOption, readArguments, UsageError } from './command.js';

describe('readArguments', () => {
  it('parses options and positionals, and names an unknown option', () => {
    expect(readArguments(['--vin', 'A', 'x'], { vin: { type: 'string', multiple: true } })).toMatchObject({
      values: { vin: ['A'] },
      positionals: ['x'],
    });
    expect(() => readArguments(['--vim', 'A'], {})).toThrow(new UsageError("Unknown option '--vim'"));
  });
});

describe('numberOption', () => {
  it('accepts only numbers in range', () => {
    expect(numberOption({ n: '3' }, 'n', { min: 1, isWhole: true })).toBe(3);
    expect(numberOption({}, 'n', { min: 1 })).toBeUndefined();
    for (const text of ['0', '1.5', '', 'many', 'Infinity']) {
      expect(() => numberOption({ n: text }, 'n', { min: 1, isWhole: true })).toThrow(`got "${text}"`);
    }
  });
});
