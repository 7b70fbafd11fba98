// Detects that bytes may have waited in a socket before they were read: the process slept, or the socket was paused.
// A vehicle may have given up the connection meanwhile and sent the same records to another process, so records that are
// read soon after a stall must be looked up as possible repeats.

/** A vehicle needs longer than this to open another connection and send on it. */
const STALL_MS = 250;
const LATE_FOR_MS = 10_000;
const TICK_MS = 50;

export class StallDetector {
  readonly #now: () => number;
  #timer: NodeJS.Timeout | undefined;
  #tickMs: number;
  #lateUntilMs = 0;

  constructor(now: () => number) {
    this.#now = now;
    this.#tickMs = now();
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#tickMs = this.#now();
    }, TICK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Whether what is read at `nowMs` may have waited unread. */
  isLate(nowMs: number): boolean {
    this.wasUnread(nowMs - this.#tickMs, nowMs);
    return nowMs < this.#lateUntilMs;
  }

  /** A socket was not read for `durationMs`. */
  wasUnread(durationMs: number, nowMs: number): void {
    if (durationMs > STALL_MS) this.#lateUntilMs = nowMs + LATE_FOR_MS;
  }
}
