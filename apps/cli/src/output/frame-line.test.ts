import type { TeslaMateFrame } from '@fleetbridge/simulator';
import { expect, it } from 'vitest';
import { frameLine } from './frame-line.js';

it('prints a frame as one line, with zero as a value and a dash for unknown values', () => {
  const frame = { timeMs: 0, speed: 0, soc: 64, estLat: 48.1, estLng: 11.5, power: -11, shiftState: null };
  expect(frameLine('VIN1', frame as TeslaMateFrame)).toMatch(
    /^\d\d:\d\d:00 {2}VIN1 {2}- {5}0 mph {4}64 % {2}48\.10000,11\.50000 +-11 kW$/,
  );
  expect(frameLine('VIN1', { ...frame, speed: null, estLat: null } as TeslaMateFrame)).toMatch(/ - mph .* - /);
});
