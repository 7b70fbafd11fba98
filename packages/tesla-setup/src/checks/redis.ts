// Verdicts on Redis: whether it keeps what was acknowledged, and for how long it can.
import type { LogGrowth, LogOverview, RedisCondition } from '@fleetbridge/store';
import { green, notChecked, type Verdict } from './finding.js';
import { problem } from './problems.js';
import { bytesText, durationText } from './text.js';

export function writesVerdict({ rejection }: RedisCondition): Verdict {
  return rejection === undefined ? green('answers, and stores') : problem('redis_writes_rejected', `(${rejection})`);
}

export function persistenceVerdict(durability: LogOverview['durability']): Verdict {
  switch (durability) {
    case 'at_once':
      return green('acknowledged records are on disk');
    case 'never':
      return problem('redis_not_persistent');
    case 'unknown':
      return notChecked('this Redis does not report its settings');
    default:
      return problem('redis_persists_late');
  }
}

export function evictionVerdict({ eviction }: RedisCondition): Verdict {
  if (eviction === undefined) return green('noeviction');
  return problem(eviction.deletesRecords ? 'redis_evicts' : 'redis_may_evict', `(${eviction.policy})`);
}

export function memoryVerdict({ usedBytes, limitBytes }: { usedBytes: number; limitBytes: number }): Verdict {
  if (limitBytes === 0) return green(`${bytesText(usedBytes)} used, without a limit`);
  const detail = `${bytesText(usedBytes)} of ${bytesText(limitBytes)}`;
  const share = usedBytes / limitBytes;
  if (share >= 0.9) return problem('redis_memory_full', `(${detail})`);
  return share >= 0.7 ? problem('redis_memory_high', `(${detail})`) : green(detail);
}

const HOUR_MS = 3_600_000;
/** Of less no rate can be computed. */
const LEAST_MS = HOUR_MS;

export interface GrowthFacts {
  readonly log: LogGrowth;
  readonly usedBytes: number;
  readonly limitBytes: number;
  readonly retentionHours: number;
}

export function growthVerdict({ log, usedBytes, limitBytes, retentionHours }: GrowthFacts): Verdict {
  const { entries, bytes, spanMs } = log;
  const size = `${entries} records, ${bytesText(bytes)}`;
  if (spanMs < LEAST_MS) return green(size);
  const perHour = (bytes * HOUR_MS) / spanMs;
  const detail = `${size} of ${durationText(spanMs)}, ${bytesText(perHour * 24)} per day`;
  const missingHours = Math.max(0, retentionHours - spanMs / HOUR_MS);
  const expected = usedBytes + perHour * missingHours;
  if (limitBytes > 0 && expected > limitBytes * 0.9) return problem('redis_grows', `(${detail})`);
  return green(detail);
}
