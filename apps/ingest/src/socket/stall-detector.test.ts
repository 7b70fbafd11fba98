import { expect, it } from 'vitest';
import { StallDetector } from './stall-detector.js';

it('expects repeats for ten seconds after a socket was paused for long, and not after a short pause', () => {
  const { stalls, tickAt } = newDetector();
  expect(stalls.isLate(1_250)).toBe(false);
  stalls.wasUnread(250);
  expect(stalls.isLate(1_200)).toBe(false);
  stalls.wasUnread(251);
  expect([stalls.isLate(1_201), stalls.isLate(1_250)]).toEqual([true, true]);
  tickAt(10_999);
  expect(stalls.isLate(10_999)).toBe(true);
  tickAt(11_000);
  expect(stalls.isLate(11_000)).toBe(false);
});

it('expects repeats when the timer did not run, because the process slept', () => {
  expect(newDetector().stalls.isLate(1_251)).toBe(true);
});

it.for([-3_600_000, 3_600_000])('expects repeats for ten seconds after the clock was set by %i ms', (setMs) => {
  const { stalls, tickAt } = newDetector();
  expect(stalls.isLate(1_000 + setMs)).toBe(true);
  tickAt(10_999, setMs);
  expect(stalls.isLate(10_999 + setMs)).toBe(true);
  tickAt(11_000, setMs);
  expect(stalls.isLate(11_000 + setMs)).toBe(false);
});

function newDetector() {
  let steadyMs = 1_000;
  let wallAheadMs = 0;
  const stalls = new StallDetector({ now: () => steadyMs + wallAheadMs, monotonicNow: () => steadyMs });
  return {
    stalls,
    tickAt: (ms: number, aheadMs = 0) => {
      steadyMs = ms;
      wallAheadMs = aheadMs;
      stalls.tick();
    },
  };
}
