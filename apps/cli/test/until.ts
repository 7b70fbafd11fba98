// Waiting in tests: for a condition, never for a time.
import { setTimeout as delay } from 'node:timers/promises';

/** Resolves to the first value that isn't undefined or false; fails with `what` after 20 s. */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const limit = Date.now() + 20_000;
  for (;;) {
    const value = await look();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > limit) throw new Error(`not within 20 s: ${what}`);
    await delay(5);
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return true;
}
