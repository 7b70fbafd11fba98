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

export interface SignalDay {
  day: string;
  count: number;
}

const AT_ONCE = 100;

/** By VIN, the oldest day first. Some vehicles at a time: a fleet takes few round trips, and Redis answers others. */
export async function readFleetSignalDays(store: Store, vins: readonly string[]): Promise<Map<string, SignalDay[]>> {
  const fleet = new Map<string, SignalDay[]>();
  for (let from = 0; from < vins.length; from += AT_ONCE) {
    const some = vins.slice(from, from + AT_ONCE);
    const days = await Promise.all(some.map((vin) => readSignalDays(store, vin)));
    for (const [at, vin] of some.entries())
      fleet.set(
        vin,
        [...days[at]!].map(([day, count]) => ({ day, count })),
      );
  }
  return fleet;
}
