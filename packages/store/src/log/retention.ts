// Trims the stream of a partition to its limits, in small passes that do not block Redis for long.

import { runScript, type Store } from '../redis/index.js';
import { readLogClock } from '../scripts/index.js';

export interface RetentionLimits {
  /** Older entries are removed, even if a reader has not read them yet. */
  hours: number;
  /** Entries beyond this number are removed, but only up to `deliveredUpTo`. */
  entries: number;
}

export interface TrimRequest extends RetentionLimits {
  partition: number;
  /** The clock of Redis, from which the age of an entry is measured. Undefined: no entry is removed for its age. */
  redisMs: number | undefined;
  /** Entry id up to which every subscription and the snapshots have read. */
  deliveredUpTo: string;
}

// One pass removes at most a tenth of the stream, in whole nodes of about a hundred entries.
const SHARE_PER_PASS = 0.1;
const SMALLEST_PASS = 100;

/** Runs one pass. Returns the number of removed entries. */
export async function trimPartition(store: Store, request: TrimRequest): Promise<number> {
  const { redis } = store;
  const { redisMs, hours, entries, deliveredUpTo } = request;
  const { records } = store.keys(request.partition);
  const length = await redis.xlen(records);
  const atMost = Math.max(SMALLEST_PASS, Math.floor(length * SHARE_PER_PASS));
  let tooOld = 0;
  if (redisMs !== undefined) {
    const oldestKept = Math.max(0, redisMs - hours * 3_600_000);
    tooOld = await redis.xtrim(records, 'MINID', '~', `${oldestKept}-0`, 'LIMIT', atMost);
  }
  const excess = Math.min(length - tooOld - entries, atMost - tooOld);
  if (excess <= 0) return tooOld;
  return tooOld + (await redis.xtrim(records, 'MINID', '~', deliveredUpTo, 'LIMIT', excess));
}

export interface LogClock {
  /** The clock of the Redis that has the partition. */
  redisMs: number;
  /** The milliseconds of the newest entry id. 0: no entry was ever appended. */
  newestMs: number;
  /** The clock of Redis at the last pass stored with `storeRetentionPass`. */
  lastPassMs: number | undefined;
}

/** All three are read at the same moment. */
export async function logClock(store: Store, partition: number): Promise<LogClock> {
  const { records, retentionPass } = store.keys(partition);
  const reply = await runScript(store.redis, readLogClock, [records, retentionPass], []);
  const [redisMs, newestMs, lastPassMs] = reply as [string, string, string];
  return {
    redisMs: Number(redisMs),
    newestMs: Number(newestMs),
    lastPassMs: lastPassMs === '' ? undefined : Number(lastPassMs),
  };
}

/** Stores the time of a pass for the process that runs the next one. */
export async function storeRetentionPass(store: Store, partition: number, redisMs: number): Promise<void> {
  await store.redis.set(store.keys(partition).retentionPass, redisMs);
}
