// The clocks and the waiting of this package, passed in.

export interface Clock {
  /** Wall clock, for Retry-After with a date. */
  nowMs(): number;
  /** For limits. */
  monotonicMs(): number;
  /** Calls `run` once; the result cancels it. */
  after(milliseconds: number, run: () => void): () => void;
  /** Between attempts. */
  sleep(milliseconds: number): Promise<void>;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(milliseconds, run) {
    const timer = setTimeout(run, milliseconds);
    return () => clearTimeout(timer);
  },
  sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
};
