// Calls to Tesla per vehicle and minute. Tesla's own limits count all applications of the account together.
import { runScript, type Store } from '../redis/index.js';
import { countCallScript } from '../scripts/index.js';

export type CountedCall = { isAllowed: true; used: number } | { isAllowed: false; retryAfterMs: number };

/** Counts a call within the last minute, or rejects it. Each call counts, also a repeated one: Tesla bills each. */
export async function countCall(
  store: Store,
  { vin, kind, limit }: { vin: string; kind: 'command' | 'wake'; limit: number },
): Promise<CountedCall> {
  const key = store.keysOf(vin).commandCallsPrefix + vin;
  const [isAllowed, number] = (await runScript(store.redis, countCallScript, [key], [kind, limit])) as [number, number];
  return isAllowed === 1 ? { isAllowed: true, used: number } : { isAllowed: false, retryAfterMs: number };
}
