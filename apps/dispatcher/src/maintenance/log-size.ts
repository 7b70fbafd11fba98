// How many entries the streams of each partition have.
import type { Store } from '@fleetbridge/store';

export type LogSizes = ReadonlyMap<number, { entries: number; quarantined: number }>;

export async function measureLog(partitions: readonly number[], store: Store): Promise<LogSizes> {
  const { redis } = store;
  const sizes = await Promise.all(
    partitions.map(async (partition) => {
      const { records, quarantine } = store.keys(partition);
      return [partition, { entries: await redis.xlen(records), quarantined: await redis.xlen(quarantine) }] as const;
    }),
  );
  return new Map(sizes);
}
