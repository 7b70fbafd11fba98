// The running dispatchers, so that each can compute its share of the work.
import { dispatchersKey, runScript, type Store } from '../redis/index.js';
import { joinDispatchersScript } from '../scripts/index.js';

/** Registers this dispatcher for another `forMs`. Returns how many are running, this one included. */
export async function joinDispatchers(
  { redis, namespace }: Store,
  { owner, forMs }: { owner: string; forMs: number },
): Promise<number> {
  return (await runScript(redis, joinDispatchersScript, [dispatchersKey(namespace)], [owner, forMs])) as number;
}

export async function leaveDispatchers({ redis, namespace }: Store, owner: string): Promise<void> {
  await redis.zrem(dispatchersKey(namespace), owner);
}
