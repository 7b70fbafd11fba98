import { expect, it } from 'vitest';
import { ClockWatch } from './clock-watch.js';

function openWatch() {
  let nowMs = 1_784_000_000_000;
  const events: string[] = [];
  const log = { warn: (_: object, event: string) => events.push(event), info: (event: string) => events.push(event) };
  const watch = new ClockWatch({ now: () => nowMs, log: log as never });
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { watch, events, now: () => nowMs, pass };
}

it('reports once that the clock is behind the log, and once that it is not any more', () => {
  const { watch, events, now, pass } = openWatch();
  watch.observe(now());
  expect({ events, behind: watch.behindSeconds }).toEqual({ events: [], behind: 0 });
  pass(-7_200_000);
  watch.observe(now() + 7_200_000);
  watch.observe(now() + 7_200_000);
  // another partition, and a call that appended no entry
  watch.observe(now());
  watch.observe(0);
  expect({ events, behind: watch.behindSeconds }).toEqual({ events: ['clock_behind_detected'], behind: 7_200 });
  pass(7_200_000);
  expect(watch.behindSeconds).toBe(0);
  watch.observe(now());
  expect(events).toEqual(['clock_behind_detected', 'clock_corrected']);
});

it('does not report a difference between two machines', () => {
  const { watch, events, now } = openWatch();
  watch.observe(now() + 9_000);
  expect({ events, behind: watch.behindSeconds }).toEqual({ events: [], behind: 0 });
});
