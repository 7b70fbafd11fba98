// How full Redis is. At its limit it takes no more records, and vehicles wait.
import type { RedisConnection } from './redis.js';

export interface MemoryUse {
  usedBytes: number;
  /** 0 = no limit is set. */
  limitBytes: number;
}

export async function memoryUse(redis: RedisConnection): Promise<MemoryUse> {
  const info = await redis.info('memory');
  const numberOf = (field: string) => Number(new RegExp(`^${field}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
  return { usedBytes: numberOf('used_memory'), limitBytes: numberOf('maxmemory') };
}
