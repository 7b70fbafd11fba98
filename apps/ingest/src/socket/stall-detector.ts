// Detects that bytes may have waited in a socket before they were read: the process slept, or the socket was paused.
// A vehicle may have given up the connection meanwhile and sent the same records to another process, so records that are
// read soon after a stall must be looked up as possible repeats. Its tick is also a clock that costs nothing to read.

/** A vehicle needs longer than this to open another connection and send on it. */
const STALL_MS = 250;
const LATE_FOR_MS = 10_000;
const TICK_MS = 50;

export interface StallDetectorOptions {
  now: () => number;
  /** Milliseconds of a clock that can't be set. */
  monotonicNow: () => number;
}

export class StallDetector {
  readonly #options: StallDetectorOptions;
  #timer: NodeJS.Timeout | undefined;
  #tickWallMs: number;
  #lateUntilMs = Number.NEGATIVE_INFINITY;
  /** The monotonic clock at the last tick. */
  tickMs: number;

  constructor(options: StallDetectorOptions) {
    this.#options = options;
    this.#tickWallMs = options.now();
    this.tickMs = options.monotonicNow();
  }

  start(): void {
    this.#timer = setInterval(() => this.tick(), TICK_MS);
  }

  /** What `start` repeats. */
  tick(): void {
    this.#tickWallMs = this.#options.now();
    this.tickMs = this.#options.monotonicNow();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /**
   * Whether what is read at `nowMs` may have waited unread. By the wall clock, because the monotonic one may stop while the
   * machine sleeps; a clock that was set, in either direction, counts as a stall.
   */
  isLate(nowMs: number): boolean {
    this.wasUnread(Math.abs(nowMs - this.#tickWallMs));
    return this.tickMs < this.#lateUntilMs;
  }

  /** A socket was not read for `durationMs`. */
  wasUnread(durationMs: number): void {
    if (durationMs > STALL_MS) this.#lateUntilMs = this.#options.monotonicNow() + LATE_FOR_MS;
  }
}
