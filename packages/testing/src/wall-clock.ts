// Sets the wall clock of this process, as an operator or NTP sets that of the machine. Timers and performance.now run on.

export interface WallClock {
  /** By how much Date.now is ahead of the true time from now on. */
  set(aheadMs: number): void;
  reset(): void;
}

export function wallClock(): WallClock {
  const real = Date.now;
  return {
    set: (aheadMs) => {
      Date.now = () => real() + aheadMs;
    },
    reset: () => {
      Date.now = real;
    },
  };
}
