// Trims entries that every reader has, whatever their age and number: for a Redis whose memory is nearly full.
import { entryMs, isAfter } from '@fleetbridge/protocol';
import type { Store } from '../redis/index.js';

/** Clients that reconnect replay the frames of the last minutes from the log (RESUME_WINDOW). */
const KEPT_MS = 900_000;
/** One pass removes at most a tenth of the stream, so that it does not block Redis for long. */
const SHARE_PER_PASS = 0.1;
const SMALLEST_PASS = 100;

export interface TrimDeliveredRequest {
  partition: number;
  /** Entry id up to which every subscription and the snapshots have read. */
  deliveredUpTo: string;
}

/** Runs one pass, which keeps the newest 15 minutes. Returns the number of removed entries. */
export async function trimDelivered(store: Store, { partition, deliveredUpTo }: TrimDeliveredRequest): Promise<number> {
  const { redis } = store;
  const { records } = store.keys(partition);
  const [newest] = await redis.xrevrange(records, '+', '-', 'COUNT', 1);
  if (newest === undefined) return 0;
  // by the newest entry and not by a clock: a clock can be wrong
  const keptFrom = `${Math.max(0, entryMs(newest[0]) - KEPT_MS)}-0`;
  const upTo = isAfter(deliveredUpTo, keptFrom) ? keptFrom : deliveredUpTo;
  const atMost = Math.max(SMALLEST_PASS, Math.floor((await redis.xlen(records)) * SHARE_PER_PASS));
  return await redis.xtrim(records, 'MINID', '~', upTo, 'LIMIT', atMost);
}
