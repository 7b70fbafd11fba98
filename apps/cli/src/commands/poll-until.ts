import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 100;

/** Whether `check` returned true within the time limit; it is called every 100 ms. */
export async function pollUntil(check: () => Promise<boolean>, limitMs: number): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  while (performance.now() < deadline) {
    if (await check()) return true;
    await delay(POLL_MS);
  }
  return false;
}
