// Some vehicles send the odometer in miles, then in kilometres, then in miles again. A reading alone doesn't show its unit;
// the jump to it does. The result must not depend on the order in which records are merged, so the state keeps marks: the
// oldest and the newest reading of each band of values. The bands are so narrow that a change of the unit always changes
// the band, and that a car passes through few of them. The marks in the order of their time then show each jump that
// matters.
import { isNewerReading, isSameReading, type Reading } from './reading.js';
import { numberOf } from './signal-reading.js';

export interface OdometerMark {
  oldest: Reading;
  newest: Reading;
}

/** By band. */
export type OdometerMarks = ReadonlyMap<number, OdometerMark>;

export type OdometerUnit = 'mi' | 'km';

export const KM_PER_MILE = 1.609_344;
const TOLERANCE = 0.005;
const BAND = Math.log(KM_PER_MILE) / 2;
const MIN_VALUE = 1;
const MAX_VALUE = 5_000_000;
/** An odometer never falls, except by a change to miles. */
const FALL = 0.9;
/** More than this on average is not driven, not even while no records come. */
const MAX_MPH = 50;

/** The marks with this reading; the same object if nothing changes. */
export function withOdometerMark(marks: OdometerMarks | undefined, reading: Reading): OdometerMarks | undefined {
  const value = numberOf(reading.value);
  if (value === undefined || value < MIN_VALUE || value > MAX_VALUE) return marks;
  const band = Math.floor(Math.log(value) / BAND);
  const mark = marks?.get(band);
  const oldest = mark && !isNewerReading(mark.oldest, reading) ? mark.oldest : reading;
  const newest = mark && !isNewerReading(reading, mark.newest) ? mark.newest : reading;
  if (mark && oldest === mark.oldest && newest === mark.newest) return marks;
  return new Map(marks).set(band, { oldest, newest });
}

/** The readings of the marks without the newest reading of all, in the order of their time. */
export function earlierMarks(marks: OdometerMarks | undefined, newest: Reading | undefined): Reading[] {
  return sortedReadings(marks).filter((reading) => !isSameReading(reading, newest));
}

/** The unit of the newest mark. Miles, which is the unit of telemetry, until a change is seen. */
export function odometerUnit(marks: OdometerMarks | undefined): OdometerUnit {
  if (marks === undefined || marks.size < 2) return 'mi';
  let unit: OdometerUnit = 'mi';
  let hasFallen = false;
  let before: Reading | undefined;
  for (const reading of sortedReadings(marks)) {
    const ratio = before ? numberOf(reading.value)! / numberOf(before.value)! : 1;
    if (ratio < FALL) {
      unit = 'mi';
      hasFallen = true;
    } else if (before && (isChangeToKilometres(before, reading) || (hasFallen && isLaterInKilometres(ratio)))) {
      unit = 'km';
    }
    before = reading;
  }
  return unit;
}

/** Miles, with as many decimals as the reading has: a conversion adds no accuracy. */
export function milesOf(value: number, unit: OdometerUnit): number {
  if (unit === 'mi') return value;
  const decimals = /\.(\d+)$/.exec(String(value))?.[1]?.length ?? 0;
  return Number((value / KM_PER_MILE).toFixed(decimals));
}

function isChangeToKilometres(before: Reading, after: Reading): boolean {
  const [from, to] = [numberOf(before.value)!, numberOf(after.value)!];
  const hours = (after.timeMs - before.timeMs) / 3_600_000;
  return Math.abs(to / from / KM_PER_MILE - 1) <= TOLERANCE && to - from > MAX_MPH * hours;
}

/** From the last reading in miles to one that is not the first in kilometres, which the marks no longer have. */
function isLaterInKilometres(ratio: number): boolean {
  return ratio >= KM_PER_MILE * (1 - TOLERANCE) && ratio <= KM_PER_MILE * Math.exp(BAND);
}

function sortedReadings(marks: OdometerMarks | undefined): Reading[] {
  const readings = [...(marks?.values() ?? [])].flatMap(({ oldest, newest }) =>
    isSameReading(oldest, newest) ? [oldest] : [oldest, newest],
  );
  return readings.sort((a, b) => (isNewerReading(a, b) ? 1 : -1));
}
