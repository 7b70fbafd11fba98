const DAY_MS = 86_400_000;

/** 13 months: the same month of last year can be compared. */
export const USAGE_KEPT_MS = 397 * DAY_MS;

/** `2026-11-26`. */
export function utcDay(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** Older days are deleted. */
export function firstUsageDay(nowMs: number): string {
  return utcDay(Math.max(0, nowMs - USAGE_KEPT_MS));
}
