// Decides whether the clock of Redis may be used to remove entries for their age. A clock that is set days ahead for a
// moment would remove everything, delivered or not. An old newest entry proves nothing: the vehicle may be asleep.
import { CLOCK_BEHIND_MS, type LogClock } from '@fleetbridge/store';

export interface ClockReading extends LogClock {
  /** The clocks of this process immediately before and after that of Redis was read. */
  before: OwnClocks;
  after: OwnClocks;
}

export interface OwnClocks {
  wallMs: number;
  /** A clock that can't be set and that runs during a suspend of the machine. */
  steadyMs: number;
}

/**
 * clocks_differ: Redis and this process disagree. log_ahead: the newest entry is later than the clock of Redis, which was
 * therefore ahead or is behind. clock_jumped: the clock of Redis has advanced by more than the time that has passed.
 */
export type ClockFault = 'clocks_differ' | 'log_ahead' | 'clock_jumped';

/** What the passes of one partition know of its clock. Undefined before the first. */
export interface ClockHistory {
  /** The last pass that trusted the clock. */
  trusted: { redisMs: number; steadyMs: number };
  /** By how much the clock may jump since then. */
  toleranceMs: number;
  /** `steadyMs` of the first pass after a jump that has not been undone. */
  jumpedAtMs: number | undefined;
}

export interface ClockVerdict {
  /** Undefined: entries may be removed for their age. */
  fault: ClockFault | undefined;
  history: ClockHistory;
}

/** The clocks of two machines that are set by NTP differ by less. */
const TOLERANCE_MS = 60_000;
/** A jump that is not undone for this time, or for the retention time if that is shorter, was a correction. */
const LONGEST_DOUBT_MS = 86_400_000;
/** `lastPassMs` may be older than the last pass by this. */
export const STORE_PASS_EVERY_MS = 600_000;

export function judgeClock(
  reading: ClockReading,
  known: ClockHistory | undefined,
  retentionHours: number,
): ClockVerdict {
  const { redisMs, before } = reading;
  const { steadyMs } = reading.after;
  const retentionMs = retentionHours * 3_600_000;
  const history = known ?? firstHistory(reading, retentionMs);
  const { trusted, toleranceMs } = history;
  const jumpMs = redisMs - trusted.redisMs - (steadyMs - trusted.steadyMs);
  const jumpedAtMs = jumpMs > toleranceMs ? (history.jumpedAtMs ?? steadyMs) : undefined;
  const isInDoubt = jumpedAtMs !== undefined && steadyMs - jumpedAtMs < Math.min(retentionMs, LONGEST_DOUBT_MS);
  const fault = visibleFault(reading) ?? (isInDoubt ? 'clock_jumped' : undefined);
  if (fault !== undefined) return { fault, history: { trusted, toleranceMs, jumpedAtMs } };
  return {
    fault,
    history: { trusted: { redisMs, steadyMs: before.steadyMs }, toleranceMs: TOLERANCE_MS, jumpedAtMs: undefined },
  };
}

/** What one reading shows. */
function visibleFault({ redisMs, newestMs, before, after }: ClockReading): ClockFault | undefined {
  if (before.wallMs - redisMs > TOLERANCE_MS || redisMs - after.wallMs > TOLERANCE_MS) return 'clocks_differ';
  return newestMs - redisMs > CLOCK_BEHIND_MS ? 'log_ahead' : undefined;
}

/** The time between the last pass of another process and the first of this one is unknown: a day off is not a jump. */
function firstHistory({ redisMs, lastPassMs, before }: ClockReading, retentionMs: number): ClockHistory {
  return {
    trusted: { redisMs: lastPassMs ?? redisMs, steadyMs: before.steadyMs },
    toleranceMs: retentionMs + STORE_PASS_EVERY_MS,
    jumpedAtMs: undefined,
  };
}
