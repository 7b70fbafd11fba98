// Waits until replicas have what was written: on their disks where Redis supports it (WAITAOF, 7.2 and newer), otherwise
// in their memory (WAIT).
import type { Redis } from 'ioredis';

export interface ReplicatedOptions {
  replicas: number;
  limitMs: number;
  /** A key of the same partition, which is written first. */
  fenceKey: string;
}

/** `redis` must be the connection that has written. Throws when too few replicas have the records at the limit. */
export async function whenReplicated(redis: Redis, options: ReplicatedOptions): Promise<void> {
  const { replicas, limitMs, fenceKey } = options;
  // Both commands refer to the last write of their own connection. A repeated call may have written nothing, because
  // another connection wrote its records and failed before they were replicated.
  const written = redis.set(fenceKey, '1');
  const [{ reached, where }] = await Promise.all([reachedReplicas(redis, replicas, limitMs), written]);
  if (reached < replicas) throw new Error(`NOREPLICAS ${reached} of ${replicas} replicas have the records ${where}`);
}

/** Connections to servers that lack WAITAOF. */
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
