// Whether this Redis can keep what it acknowledges: it accepts writes, and deletes nothing when its memory is full.
import { Cluster } from 'ioredis';
import type { Store } from './store.js';

export interface RedisCondition {
  /** The error with which Redis rejects writes now, such as `READONLY You can't write against a read only replica.` */
  rejection?: string;
  /** Set with a `maxmemory-policy` other than noeviction. */
  eviction?: {
    policy: string;
    /** Records are deleted: all keys can be evicted, and there is a limit. */
    deletesRecords: boolean;
  };
}

/** Throws if Redis does not answer. */
export async function redisCondition(store: Store): Promise<RedisCondition> {
  const rejection = await writeRejection(store);
  const eviction = await redisEviction(store);
  return { ...(rejection === undefined ? {} : { rejection }), ...(eviction === undefined ? {} : { eviction }) };
}

/** The worst of all masters. */
export async function redisEviction({ redis }: Pick<Store, 'redis'>): Promise<RedisCondition['eviction']> {
  const masters = redis instanceof Cluster ? redis.nodes('master') : [redis];
  // some managed services do not allow INFO
  const infos = await Promise.all(masters.map((master) => master.info('memory').catch(() => '')));
  const evictions = infos.flatMap((info) => evictionIn(info) ?? []);
  return evictions.find(({ deletesRecords }) => deletesRecords) ?? evictions[0];
}

/** A write that changes nothing, so that it costs no write to the disk. It works when the memory is full. */
async function writeRejection(store: Store): Promise<string | undefined> {
  try {
    await store.eachPartition(({ newest }) => store.redis.hdel(newest, ''));
    return undefined;
  } catch (error) {
    const { message } = error as Error;
    if (/^(READONLY|MISCONF|NOREPLICAS|NOPERM|NOAUTH)\b/.test(message)) return message;
    throw error;
  }
}

function evictionIn(info: string): RedisCondition['eviction'] {
  const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1];
  if (policy === undefined || policy === 'noeviction') return undefined;
  const isLimited = Number(/^maxmemory:(\d+)/m.exec(info)?.[1] ?? 0) > 0;
  return { policy, deletesRecords: isLimited && policy.startsWith('allkeys') };
}
