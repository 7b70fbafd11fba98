// Stops the parts of a process in reverse order of their start, one after the other, because a part may still need those
// that were started before it.
import type { Logger } from '../log/index.js';
import { withTimeout } from './with-timeout.js';

/** `deadlineMs`: the time that is left, for parts that drain. */
export type StopFunction = (options: { deadlineMs: number }) => unknown;

export type StopOutcome = 'stopped' | 'stopped_with_failures' | 'deadline_passed';

export class ShutdownHooks {
  readonly #parts: { name: string; stop: StopFunction }[] = [];

  add(name: string, stop: StopFunction): void {
    this.#parts.push({ name, stop });
  }

  /**
   * A part that fails to stop is logged, and the others are stopped nevertheless. A part that is added meanwhile (by a
   * start still in progress) is stopped next.
   */
  stopAll({ deadlineMs, log }: { deadlineMs: number; log: Pick<Logger, 'error'> }): Promise<StopOutcome> {
    const until = performance.now() + deadlineMs;
    let current = '';
    const stopping = async (): Promise<StopOutcome> => {
      let outcome: StopOutcome = 'stopped';
      for (let part = this.#parts.pop(); part !== undefined; part = this.#parts.pop()) {
        current = part.name;
        try {
          await part.stop({ deadlineMs: Math.max(0, until - performance.now()) });
        } catch (err) {
          log.error({ part: part.name, err }, 'stop_failed');
          outcome = 'stopped_with_failures';
        }
      }
      return outcome;
    };
    return withTimeout(stopping(), deadlineMs, {
      onTimeout: () => {
        log.error({ part: current, deadline_ms: deadlineMs }, 'shutdown_deadline_passed');
        return 'deadline_passed';
      },
    });
  }
}
