// Signals received per vehicle and day, which the dispatcher counts together with its commits of snapshots.
import type { Store } from '../redis/index.js';

/** Day (2026-11-26, UTC) → signals, the oldest first; at most 13 months. */
export async function readSignalDays(store: Store, vin: string): Promise<Map<string, number>> {
  const hash = await store.redis.hgetall(store.keysOf(vin).signalDaysPrefix + vin);
  return new Map(
    Object.entries(hash)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([day, count]) => [day, Number(count)]),
  );
}
