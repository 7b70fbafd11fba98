// Memory of Redis. At its limit Redis rejects records, and vehicles wait for their acks.
import { Cluster } from 'ioredis';
import type { RedisConnection } from './connection.js';

export interface MemoryUse {
  usedBytes: number;
  /** 0 = no limit. */
  limitBytes: number;
}

/** In a cluster: the use of the fullest master. Masters that do not answer are left out; throws when no master answers. */
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

/** The used share of the limit. Without a limit a negative number, which grows with the use. */
function fullness({ usedBytes, limitBytes }: MemoryUse): number {
  return limitBytes > 0 ? usedBytes / limitBytes : -1 / (1 + usedBytes);
}
