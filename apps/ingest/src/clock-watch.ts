// Reports that the clock of this machine is behind the newest entry of the log, as on a machine without a battery-backed
// clock after a power failure. The ids of entries never go back, so one append is enough to detect it.
import type { Logger } from '@fleetbridge/service';
import { CLOCK_BEHIND_MS } from '@fleetbridge/store';

export interface ClockWatchOptions {
  now: () => number;
  log: Pick<Logger, 'warn' | 'info'>;
}

export class ClockWatch {
  readonly #options: ClockWatchOptions;
  /** Time of the newest entry, of any partition. */
  #newestMs = 0;
  #isLogged = false;

  constructor(options: ClockWatchOptions) {
    this.#options = options;
  }

  /** 0 while the clock is right, and before the first append. */
  get behindSeconds(): number {
    const behindMs = this.#newestMs - this.#options.now();
    return behindMs > CLOCK_BEHIND_MS ? Math.round(behindMs / 1_000) : 0;
  }

  /** After each append: `entryMs` is the time of its last entry. Logs once when the clock is behind, and once when not. */
  observe(entryMs: number): void {
    if (entryMs > this.#newestMs) this.#newestMs = entryMs;
    const seconds = this.behindSeconds;
    if (seconds > 0 === this.#isLogged) return;
    this.#isLogged = seconds > 0;
    const { log } = this.#options;
    const remedy = 'set the clock of this machine, for example with NTP';
    if (seconds > 0) log.warn({ behind_seconds: seconds, remedy }, 'clock_behind_detected');
    else log.info('clock_corrected');
  }
}
