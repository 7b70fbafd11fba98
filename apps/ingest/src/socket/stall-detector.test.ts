import { expect, it } from 'vitest';
import { StallDetector } from './stall-detector.js';

it('expects repeats for ten seconds after a socket was paused for long, and not after a short pause', () => {
  const stalls = new StallDetector(() => 1_000);
  expect(stalls.isLate(1_250)).toBe(false);
  stalls.wasUnread(250, 1_200);
  expect(stalls.isLate(1_200)).toBe(false);
  stalls.wasUnread(251, 1_200);
  expect([stalls.isLate(1_201), stalls.isLate(1_250)]).toEqual([true, true]);
});

it('expects repeats when the timer did not run, because the process slept', () => {
  const stalls = new StallDetector(() => 1_000);
  expect(stalls.isLate(1_251)).toBe(true);
});
