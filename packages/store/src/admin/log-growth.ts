// How much memory the log uses, and how much time it holds, for a forecast: four commands per partition.
import { entryMs } from '@fleetbridge/protocol';
import type { Store } from '../redis/index.js';

export interface LogGrowth {
  entries: number;
  /** Of the streams in the memory of Redis; 0 where it does not report them. */
  bytes: number;
  /** From the oldest entry to the newest one, of the partition with the longest span. */
  spanMs: number;
}

export async function logGrowth(store: Store): Promise<LogGrowth> {
  const { redis } = store;
  const parts = await store.eachPartition(async ({ records }) => {
    const [entries, bytes, [oldest], [newest]] = await Promise.all([
      redis.xlen(records),
      // some managed services do not allow MEMORY
      redis.memory('USAGE', records).catch(() => 0),
      redis.xrange(records, '-', '+', 'COUNT', 1),
      redis.xrevrange(records, '+', '-', 'COUNT', 1),
    ]);
    const spanMs = oldest === undefined || newest === undefined ? 0 : entryMs(newest[0]) - entryMs(oldest[0]);
    return { entries, bytes: bytes ?? 0, spanMs };
  });
  return {
    entries: parts.reduce((sum, { entries }) => sum + entries, 0),
    bytes: parts.reduce((sum, { bytes }) => sum + bytes, 0),
    spanMs: Math.max(...parts.map(({ spanMs }) => spanMs)),
  };
}
