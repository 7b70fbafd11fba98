// Waits for a condition instead of a fixed time.
import { setTimeout as delay } from 'node:timers/promises';

/** Calls `check` until it neither throws nor returns false, and returns its result. Throws the last failure after `limitMs`. */
export async function eventually<T>(check: () => T | Promise<T>, limitMs = 15_000): Promise<Exclude<T, false>> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    let failure: unknown;
    try {
      const result = await check();
      if (result !== false) return result as Exclude<T, false>;
      failure = new Error(`still false after ${limitMs} ms: ${check}`);
    } catch (error) {
      failure = error;
    }
    if (performance.now() > deadline) throw failure;
    await delay(10);
  }
}
