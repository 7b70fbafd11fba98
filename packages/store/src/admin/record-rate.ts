// How many records arrive per minute, from the ids of the newest entries: no process has to count them.
import { entryMs } from '@fleetbridge/protocol';
import type { Store } from '../redis/index.js';

const MINUTE_MS = 60_000;
/** Enough for an estimate, and few enough to read at each reload of a page. */
const READ_AT_MOST = 100;

/** Of the last minute; estimated from the newest 100 entries of a partition if that had more. */
export async function recordsPerMinute(store: Store, nowMs: number): Promise<number> {
  const rates = await store.eachPartition(async ({ records }) => {
    const entries = await store.redis.xrevrangeBuffer(
      records,
      '+',
      String(Math.floor(nowMs - MINUTE_MS)),
      'COUNT',
      READ_AT_MOST,
    );
    const oldest = entries.at(-1);
    if (oldest === undefined || entries.length < READ_AT_MOST) return entries.length;
    const spanMs = Math.max(1, nowMs - entryMs(oldest[0].toString()));
    return (entries.length * MINUTE_MS) / spanMs;
  });
  return Math.round(rates.reduce((sum, rate) => sum + rate, 0));
}
