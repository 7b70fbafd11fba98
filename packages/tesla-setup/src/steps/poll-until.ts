import type { Clock } from '@fleetbridge/fleet-api';

/** Undefined when `look` has found nothing in time. */
export async function pollUntil<T>(
  { clock, everyMs, forMs }: { clock: Clock; everyMs: number; forMs: number },
  look: () => Promise<T | undefined>,
): Promise<T | undefined> {
  const untilMs = clock.monotonicMs() + forMs;
  for (;;) {
    const found = await look();
    const leftMs = untilMs - clock.monotonicMs();
    if (found !== undefined || leftMs <= 0) return found;
    await clock.sleep(Math.min(everyMs, leftMs));
  }
}
