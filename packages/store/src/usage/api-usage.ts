// Calls of Tesla's Fleet API that Tesla bills, by day. Not by vehicle: the credit and the limit are the account's.
import { apiUsageKey, type Store } from '../redis/index.js';
import { firstUsageDay, utcDay } from './usage-day.js';

export type ApiCall = 'requests' | 'commands' | 'wakes';

export interface DayOfCalls {
  /** In UTC: 2026-11-26. */
  day: string;
  requests: number;
  commands: number;
  wakes: number;
}

/** Counts one call, or several. Resolves with the number of this day. */
export async function countApiCalls(
  { redis, namespace }: Store,
  { kind, nowMs, calls = 1 }: { kind: ApiCall; nowMs: number; calls?: number },
): Promise<number> {
  const key = apiUsageKey(namespace);
  const count = await redis.hincrby(key, `${utcDay(nowMs)} ${kind}`, calls);
  if (count === calls) {
    const first = firstUsageDay(nowMs);
    const old = (await redis.hkeys(key)).filter((field) => field < first);
    if (old.length > 0) await redis.hdel(key, ...old);
  }
  return count;
}

/** The oldest day first; at most 13 months. */
export async function readApiUsage({ redis, namespace }: Store): Promise<DayOfCalls[]> {
  const days = new Map<string, DayOfCalls>();
  for (const [field, count] of Object.entries(await redis.hgetall(apiUsageKey(namespace)))) {
    const [day = '', kind] = field.split(' ');
    const own = days.get(day) ?? { day, requests: 0, commands: 0, wakes: 0 };
    own[kind as ApiCall] = Number(count);
    days.set(day, own);
  }
  return [...days.values()].sort((one, other) => (one.day < other.day ? -1 : 1));
}
