// Calls for a hello after a time without messages. The timer keeps running while messages are sent and only then looks
// at the clock: a frame costs no timer.
export interface HelloTimerOptions {
  everyMs: number;
  /** Milliseconds of a clock that can't be set. */
  now: () => number;
  sendHello: () => void;
}

export class HelloTimer {
  readonly #options: HelloTimerOptions;
  #timer: NodeJS.Timeout | undefined;
  #lastSentMs = 0;

  constructor(options: HelloTimerOptions) {
    this.#options = options;
  }

  /** Starts the timer if it is not running. */
  messageSent(): void {
    this.#lastSentMs = this.#options.now();
    this.#timer ??= setTimeout(() => this.#check(), this.#options.everyMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #check(): void {
    const { everyMs, now, sendHello } = this.#options;
    const leftMs = this.#lastSentMs + everyMs - now();
    this.#timer = undefined;
    if (leftMs <= 0) sendHello();
    else this.#timer = setTimeout(() => this.#check(), leftMs);
  }
}
