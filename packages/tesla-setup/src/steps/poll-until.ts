// Looks again until something is found. Waiting takes minutes, in which Tesla may fail for a moment.
import { type Clock, FleetApiError } from '@fleetbridge/fleet-api';

/** Undefined when `look` has found nothing in time. Rejects with the error of the last look, or with one that stays. */
export async function pollUntil<T>(
  { clock, everyMs, forMs }: { clock: Clock; everyMs: number; forMs: number },
  look: () => Promise<T | undefined>,
): Promise<T | undefined> {
  const untilMs = clock.monotonicMs() + forMs;
  for (;;) {
    const leftMs = untilMs - clock.monotonicMs();
    const found = await look().catch((error: unknown) => {
      if (leftMs <= 0 || !isPassing(error)) throw error;
      return undefined;
    });
    if (found !== undefined || leftMs <= 0) return found;
    await clock.sleep(Math.min(everyMs, leftMs));
  }
}

function isPassing(error: unknown): boolean {
  if (!(error instanceof FleetApiError)) return false;
  return error.delivery === 'unknown' || ['not_reachable', 'tesla_failed', 'rate_limited'].includes(error.problem);
}
