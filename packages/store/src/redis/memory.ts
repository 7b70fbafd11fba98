// How full Redis is. At its limit it takes no more records, and vehicles wait.
import { Cluster } from 'ioredis';
import type { RedisConnection } from './connection.js';

export interface MemoryUse {
  usedBytes: number;
  /** 0 = no limit is set. */
  limitBytes: number;
}

/** Of a cluster: what its fullest master says. Those that don't answer are left out, unless none does. */
export async function memoryUse(redis: RedisConnection): Promise<MemoryUse> {
  const masters = redis instanceof Cluster ? redis.nodes('master') : [redis];
  const infos = await Promise.allSettled(masters.map((master) => master.info('memory')));
  const uses = infos.flatMap((info) => (info.status === 'fulfilled' ? [parseInfo(info.value)] : []));
  const [fullest] = uses.sort((a, b) => fullness(b) - fullness(a));
  if (fullest === undefined) throw infos.find((info) => info.status === 'rejected')?.reason ?? new Error('no master');
  return fullest;
}

function parseInfo(info: string): MemoryUse {
  const numberOf = (field: string) => Number(new RegExp(`^${field}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
  return { usedBytes: numberOf('used_memory'), limitBytes: numberOf('maxmemory') };
}

/** The share of the limit; without one less than any share, and the more the more is used. */
function fullness({ usedBytes, limitBytes }: MemoryUse): number {
  return limitBytes > 0 ? usedBytes / limitBytes : -1 / (1 + usedBytes);
}
