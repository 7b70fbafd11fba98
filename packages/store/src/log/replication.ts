// Waits until replicas have what was written: on their disks, where Redis can tell (WAITAOF, 7.2 and newer), else in
// their memory (WAIT).
import type { Redis } from 'ioredis';

export interface ReplicatedOptions {
  replicas: number;
  limitMs: number;
  /** A key where the records are, to be written. */
  fenceKey: string;
}

/** To be called over the very connection that has written. Throws when too few replicas have it at the limit. */
export async function whenReplicated(redis: Redis, options: ReplicatedOptions): Promise<void> {
  const { replicas, limitMs, fenceKey } = options;
  // Both speak of the last write of their own connection. A repeated call may have written nothing: its records may be
  // those of another connection, which came no further than to write them.
  const written = redis.set(fenceKey, '1');
  const [{ reached, where }] = await Promise.all([reachedReplicas(redis, replicas, limitMs), written]);
  if (reached < replicas) throw new Error(`NOREPLICAS ${reached} of ${replicas} replicas have the records ${where}`);
}

/** Servers that don't know WAITAOF, by their connection. */
const olderServers = new WeakSet<Redis>();

async function reachedReplicas(redis: Redis, replicas: number, limitMs: number) {
  if (!olderServers.has(redis)) {
    try {
      const [, reached] = (await redis.call('WAITAOF', 0, replicas, limitMs)) as [number, number];
      return { reached, where: 'on disk' };
    } catch (error) {
      if (!(error as Error).message.startsWith('ERR unknown command')) throw error;
      olderServers.add(redis);
    }
  }
  return { reached: await redis.wait(replicas, limitMs), where: 'in memory' };
}
