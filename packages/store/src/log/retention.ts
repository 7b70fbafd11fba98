// Trims the stream of a partition to its limits, in small passes that do not block Redis for long.

import type { Store } from '../redis/index.js';

export interface RetentionLimits {
  /** Older entries are removed, even if a reader has not read them yet. */
  hours: number;
  /** Entries beyond this number are removed, but only up to `deliveredUpTo`. */
  entries: number;
}

export interface TrimRequest extends RetentionLimits {
  partition: number;
  nowMs: number;
  /** Entry id up to which every subscription and the snapshots have read. */
  deliveredUpTo: string;
}

// One pass removes at most a tenth of the stream, in whole nodes of about a hundred entries.
const SHARE_PER_PASS = 0.1;
const SMALLEST_PASS = 100;

/** Runs one pass. Returns the number of removed entries. */
export async function trimPartition(store: Store, request: TrimRequest): Promise<number> {
  const { redis } = store;
  const { records } = store.keys(request.partition);
  const length = await redis.xlen(records);
  const atMost = Math.max(SMALLEST_PASS, Math.floor(length * SHARE_PER_PASS));
  const oldestKept = Math.max(0, request.nowMs - request.hours * 3_600_000);
  const tooOld = await redis.xtrim(records, 'MINID', '~', `${oldestKept}-0`, 'LIMIT', atMost);
  const excess = Math.min(length - tooOld - request.entries, atMost - tooOld);
  if (excess <= 0) return tooOld;
  return tooOld + (await redis.xtrim(records, 'MINID', '~', request.deliveredUpTo, 'LIMIT', excess));
}
