import type { TeslaMateFrame } from '@fleetbridge/simulator';
import { describe, expect, it } from 'vitest';
import { numberOption, readArguments, UsageError } from '../src/commands/command.js';
import { frameLine } from '../src/output/frame-line.js';
import { readPlan } from '../src/commands/plan.js';

describe('arguments', () => {
  it('are read, and an unknown option is named', () => {
    expect(readArguments(['--vin', 'A', 'x'], { vin: { type: 'string', multiple: true } })).toMatchObject({
      values: { vin: ['A'] },
      positionals: ['x'],
    });
    expect(() => readArguments(['--vim', 'A'], {})).toThrow(new UsageError("Unknown option '--vim'"));
  });

  it('are numbers where numbers are expected', () => {
    expect(numberOption({ n: '3' }, 'n', { min: 1, isWhole: true })).toBe(3);
    expect(numberOption({}, 'n', { min: 1 })).toBeUndefined();
    for (const text of ['0', '1.5', '', 'many', 'Infinity']) {
      expect(() => numberOption({ n: text }, 'n', { min: 1, isWhole: true })).toThrow(`got "${text}"`);
    }
  });

  it('hold a plan', () => {
    expect(readPlan('drive:600, park:0.5')).toEqual([
      { phase: 'drive', seconds: 600 },
      { phase: 'park', seconds: 0.5 },
    ]);
    for (const text of ['', 'drive', 'fly:3', 'drive:0', 'drive:1:2', 'drive:1,']) {
      expect(() => readPlan(text)).toThrow(UsageError);
    }
  });
});

it('a frame is one line, zero is a value and unknown a dash', () => {
  const frame = { timeMs: 0, speed: 0, soc: 64, estLat: 48.1, estLng: 11.5, power: -11, shiftState: null };
  expect(frameLine('VIN1', frame as TeslaMateFrame)).toMatch(
    /^\d\d:\d\d:00 {2}VIN1 {2}- {5}0 mph {4}64 % {2}48\.10000,11\.50000 +-11 kW$/,
  );
  expect(frameLine('VIN1', { ...frame, speed: null, estLat: null } as TeslaMateFrame)).toMatch(/ - mph .* - /);
});
