// When a vehicle last sent something: the time of its newest record in the log, connects and disconnects included. The
// append script maintains it to detect repeats.
import type { Store } from '../redis/index.js';

/** What the append script adds to the time of a record whose own time lay in the future (scripts/append-records.ts). */
const AHEAD_MS = 86_400_000;

/** Epoch ms by VIN, for vehicles of this partition. Vehicles without a record are left out. */
export async function lastReceivedMs(
  store: Store,
  { partition, vins, nowMs }: { partition: number; vins: readonly string[]; nowMs: number },
): Promise<Map<string, number>> {
  if (vins.length === 0) return new Map();
  const texts = await store.redis.hmget(store.keys(partition).newest, ...vins);
  const received = new Map<string, number>();
  for (const [at, vin] of vins.entries()) {
    const timeMs = Number(texts[at] ?? Number.NaN);
    if (Number.isFinite(timeMs)) received.set(vin, timeMs > nowMs + AHEAD_MS / 2 ? timeMs - AHEAD_MS : timeMs);
  }
  return received;
}
