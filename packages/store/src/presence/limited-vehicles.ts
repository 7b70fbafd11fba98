// Vehicles whose sockets ingest pauses because they send more than VEHICLE_BYTES_PER_MINUTE, so that an operator sees which.
import type { Store } from '../redis/index.js';

/** For how long a vehicle is listed after its last pause. */
const LISTED_MS = 86_400_000;

export interface LimitedVehicle {
  vin: string;
  /** When its socket was last paused, by the clock of Redis. */
  pausedMs: number;
}

export async function storeLimitedVehicle(store: Store, vin: string): Promise<void> {
  const nowMs = await redisTimeMs(store);
  const { limited } = store.keysOf(vin);
  await store.redis
    .multi()
    .zadd(limited, nowMs, vin)
    .zremrangebyscore(limited, '-inf', nowMs - LISTED_MS)
    .pexpire(limited, LISTED_MS)
    .exec();
}

/** Those that were paused within `withinMs`, the latest first. */
export async function limitedVehicles(store: Store, { withinMs }: { withinMs: number }): Promise<LimitedVehicle[]> {
  const sinceMs = (await redisTimeMs(store)) - withinMs;
  const lists = await store.eachPartition(({ limited }) =>
    store.redis.zrangebyscore(limited, sinceMs, '+inf', 'WITHSCORES'),
  );
  return lists
    .flatMap((list) => list.flatMap((vin, at) => (at % 2 === 0 ? [{ vin, pausedMs: Number(list[at + 1]) }] : [])))
    .sort((a, b) => b.pausedMs - a.pausedMs || (a.vin < b.vin ? -1 : 1));
}

async function redisTimeMs({ redis }: Store): Promise<number> {
  const [seconds, microseconds] = await redis.time();
  return Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000);
}
