// When vehicles were last heard: the time of the newest record that the log has stored of each, connect and disconnect
// included. The append script keeps it to tell repeats; here it is read.

import type { RedisConnection } from '../redis/index.js';
import { partitionKeys } from '../redis/index.js';

/** What the append script adds to the time of a record whose own time lay in the future (scripts/append-records.ts). */
const AHEAD_MS = 86_400_000;

/** Epoch ms by VIN, for vehicles of this partition; those that were never heard are left out. */
export async function lastHeardMs(
  redis: RedisConnection,
  {
    namespace,
    partition,
    vins,
    nowMs,
  }: { namespace: string; partition: number; vins: readonly string[]; nowMs: number },
): Promise<Map<string, number>> {
  if (vins.length === 0) return new Map();
  const texts = await redis.hmget(partitionKeys(namespace, partition).newest, ...vins);
  const heard = new Map<string, number>();
  for (const [at, vin] of vins.entries()) {
    const timeMs = Number(texts[at] ?? Number.NaN);
    if (Number.isFinite(timeMs)) heard.set(vin, timeMs > nowMs + AHEAD_MS / 2 ? timeMs - AHEAD_MS : timeMs);
  }
  return heard;
}
