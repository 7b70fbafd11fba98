// The forecast of a month's signals from measured days. Use differs by weekday, so each day to come is expected to be as
// that weekday was. A weekday that was seen once counts less than one seen often: it is mixed with the average day.

/** `day` is a date in UTC, such as 2026-11-26. */
export interface DayCount {
  day: string;
  count: number;
}

export interface Forecast {
  /** Counted in this month so far, today included. */
  soFar: number;
  /** Expected for the whole month; undefined before the first whole day has been counted. */
  expected: number | undefined;
}

const DAY_MS = 86_400_000;
/** Older days are no measure of this month. */
const DAYS_USED = 56;
/** As if each weekday had been seen this often as an average day. */
const AVERAGE_WEIGHT = 0.5;

/** Days without an entry count as 0, from the first measured day on. Today counts as unfinished. */
export function forecastMonth(days: readonly DayCount[], today: string): Forecast {
  const counts = new Map<string, number>();
  for (const { day, count } of days) counts.set(day, (counts.get(day) ?? 0) + count);
  const month = monthDays(today);
  const soFar = month.reduce((sum, day) => (day <= today ? sum + (counts.get(day) ?? 0) : sum), 0);
  const expectedOn = weekdayModel(counts, today);
  if (expectedOn === undefined) return { soFar, expected: undefined };
  const ofToday = counts.get(today) ?? 0;
  const rest = month.reduce((sum, day) => {
    if (day < today) return sum;
    return sum + (day === today ? Math.max(0, expectedOn(day) - ofToday) : expectedOn(day));
  }, 0);
  return { soFar, expected: soFar + rest };
}

/** All dates of the month of this date. */
export function monthDays(date: string): string[] {
  const [year = 0, month = 1] = date.split('-').map(Number);
  const length = new Date(Date.UTC(year, month, 0)).getUTCDate();
  return Array.from({ length }, (_, index) => `${date.slice(0, 7)}-${String(index + 1).padStart(2, '0')}`);
}

function weekdayModel(counts: ReadonlyMap<string, number>, today: string): ((day: string) => number) | undefined {
  const todayMs = Date.parse(today);
  const first = [...counts.keys()].sort()[0];
  if (first === undefined || first >= today) return undefined;
  const samples: number[][] = Array.from({ length: 7 }, () => []);
  for (let ms = Math.max(Date.parse(first), todayMs - DAYS_USED * DAY_MS); ms < todayMs; ms += DAY_MS) {
    const date = new Date(ms);
    samples[date.getUTCDay()]!.push(counts.get(date.toISOString().slice(0, 10)) ?? 0);
  }
  // the mean of weekdays, so that a weekday that was seen twice does not count twice
  const seen = samples.filter((list) => list.length > 0);
  const average = mean(seen.map(mean));
  const byWeekday = samples.map(
    (list) => (list.length * mean(list) + AVERAGE_WEIGHT * average) / (list.length + AVERAGE_WEIGHT),
  );
  return (day) => byWeekday[new Date(day).getUTCDay()]!;
}

function mean(list: readonly number[]): number {
  return list.length === 0 ? 0 : list.reduce((sum, value) => sum + value, 0) / list.length;
}
