// Learns what has arrived at a client that acknowledges nothing: a WebSocket ping carries a cursor, and its pong, which
// follows everything that was sent before the ping, confirms everything up to that cursor.
export interface ConfirmationsOptions {
  /** Sends a ping with this text. */
  ping: (cursor: string) => void;
  /** The cursor to confirm; undefined: nothing to confirm. */
  position: () => string | undefined;
  onConfirmed: (cursor: string) => void;
  /** No pong for `silentMs`. */
  onSilence: () => void;
  /** One of these callbacks has thrown in a timer. */
  onError: (error: unknown) => void;
  /** Milliseconds of a clock that can't be set. */
  now: () => number;
  /** Shortest interval between pings. */
  everyMs: number;
  /** Longest interval between pings, to detect that the client is gone. */
  idleEveryMs: number;
  silentMs: number;
}

export class Confirmations {
  readonly #options: ConfirmationsOptions;
  /** Cursors of pings without a pong, oldest first. */
  #unanswered: { cursor: string; atMs: number }[] = [];
  #lastPingMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #dueMs = 0;

  constructor(options: ConfirmationsOptions) {
    this.#options = options;
  }

  /** There is something to confirm: pings as soon as the interval allows. */
  ask(): void {
    const { now, everyMs } = this.#options;
    const soonestMs = this.#lastPingMs + everyMs;
    if (this.#timer !== undefined && this.#dueMs <= soonestMs) return;
    const dueMs = Math.max(now(), soonestMs);
    if (this.#timer === undefined || dueMs < this.#dueMs) this.#plan(dueMs);
  }

  pong(text: string): void {
    const index = this.#unanswered.findLastIndex(({ cursor }) => cursor === text);
    if (index < 0) return;
    this.#unanswered.splice(0, index + 1);
    this.#options.onConfirmed(text);
  }

  /** Pongs to earlier pings are ignored from now on. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#unanswered = [];
  }

  #plan(dueMs: number): void {
    clearTimeout(this.#timer);
    this.#dueMs = dueMs;
    this.#timer = setTimeout(() => this.#pingDue(), Math.max(0, dueMs - this.#options.now()));
  }

  #pingDue(): void {
    try {
      this.#ping();
    } catch (error) {
      this.#options.onError(error);
    }
  }

  #ping(): void {
    const { ping, position, onSilence, now, idleEveryMs, silentMs } = this.#options;
    this.#timer = undefined;
    const cursor = position();
    if (cursor === undefined) return;
    const oldest = this.#unanswered[0];
    if (oldest && now() - oldest.atMs >= silentMs) {
      onSilence();
      return;
    }
    this.#lastPingMs = now();
    this.#unanswered.push({ cursor, atMs: this.#lastPingMs });
    ping(cursor);
    this.#plan(this.#lastPingMs + idleEveryMs);
  }
}
