// Keeps a partition's stream within its limits, a piece at a time, so that no pass holds Redis up for long.

import type { Store } from '../redis/index.js';

export interface RetentionLimits {
  /** Older entries go, whoever has not read them yet. */
  hours: number;
  /** More entries than this go, but only those that `deliveredUpTo` covers. */
  entries: number;
}

export interface TrimRequest extends RetentionLimits {
  partition: number;
  nowMs: number;
  /** Entry id that every reader with a claim on the log has got past. */
  deliveredUpTo: string;
}

// One pass takes at most a tenth of the stream, in whole nodes of about a hundred entries.
const SHARE_A_PASS = 0.1;
const SMALLEST_PASS = 100;

/** Trims once; returns how many entries went. */
export async function trimPartition(store: Store, request: TrimRequest): Promise<number> {
  const { redis } = store;
  const { records } = store.keys(request.partition);
  const length = await redis.xlen(records);
  const atMost = Math.max(SMALLEST_PASS, Math.floor(length * SHARE_A_PASS));
  const oldestKept = Math.max(0, request.nowMs - request.hours * 3_600_000);
  const tooOld = await redis.xtrim(records, 'MINID', '~', `${oldestKept}-0`, 'LIMIT', atMost);
  const excess = Math.min(length - tooOld - request.entries, atMost - tooOld);
  if (excess <= 0) return tooOld;
  return tooOld + (await redis.xtrim(records, 'MINID', '~', request.deliveredUpTo, 'LIMIT', excess));
}
