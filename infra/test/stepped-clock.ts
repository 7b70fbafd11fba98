// A clock of the simulator that moves only when a test moves it.
import type { Clock } from '@fleetbridge/simulator';

export interface SteppedClock extends Clock {
  /** Runs what is due, in order; then it is `ms` later. */
  advance(ms: number): void;
}

export function createSteppedClock(startMs: number): SteppedClock {
  let nowMs = startMs;
  const timers = new Set<{ dueMs: number; run: () => void }>();
  return {
    now: () => nowMs,
    after(delayMs, run) {
      const timer = { dueMs: nowMs + delayMs, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    advance(ms) {
      nowMs += ms;
      const due = [...timers].filter(({ dueMs }) => dueMs <= nowMs).sort((one, other) => one.dueMs - other.dueMs);
      for (const timer of due) {
        if (timers.delete(timer)) timer.run();
      }
    },
  };
}
