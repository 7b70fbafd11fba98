// The time and the timers of a simulated vehicle. A test may pass its own.

export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Returns a function that cancels the timer. */
  after(delayMs: number, run: () => void): () => void;
}

export const realClock: Clock = {
  now: () => Date.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};
