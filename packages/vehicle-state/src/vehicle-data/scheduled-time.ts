// Times of schedules. The vehicle sends a number that is off by a time zone: read as a time in Pacific time it shows the
// vehicle's local time (Tesla's documentation of the signals). REST has the true time.

import { locationAt } from '../location.js';
import type { Facts, Source } from './field.js';
import { derived, firstNumber } from './sources.js';

/** Beyond these the number is not a time in seconds. (Years 2015 and 2100.) */
const EARLIEST = 1_420_070_400;
const LATEST = 4_102_444_800;
const SECONDS_PER_DEGREE = 240;

/** Epoch seconds of a schedule's signal; null without a schedule. */
export function scheduledSeconds(name: string): Source {
  return derived([name], (facts) => {
    const wallClock = wallClockSeconds(facts, name);
    return wallClock === undefined ? undefined : wallClock - utcOffsetSeconds(facts);
  });
}

/** Minutes after the vehicle's local midnight. */
export function scheduledMinutes(name: string): Source {
  return derived([name], (facts) => {
    const wallClock = wallClockSeconds(facts, name);
    return wallClock === undefined ? undefined : Math.floor((wallClock % 86_400) / 60);
  });
}

/** The vehicle's local time, as if it were UTC. */
function wallClockSeconds(facts: Facts, name: string): number | undefined {
  const sent = firstNumber(facts, [name]);
  if (sent === undefined || sent < EARLIEST || sent > LATEST) return undefined;
  return Math.trunc(sent) + pacificOffsetSeconds(sent);
}

const pacific = new Intl.DateTimeFormat('en-US', { timeZone: 'America/Los_Angeles', timeZoneName: 'longOffset' });

function pacificOffsetSeconds(seconds: number): number {
  const name = pacific.formatToParts(seconds * 1000).find(({ type }) => type === 'timeZoneName')?.value ?? '';
  const [, sign, hours, minutes] = /GMT([+-])(\d\d):(\d\d)/.exec(name) ?? [];
  return hours === undefined ? 0 : (sign === '-' ? -1 : 1) * (Number(hours) * 3600 + Number(minutes) * 60);
}

/** Of the seed, else the zone of the vehicle's longitude: telemetry has no time zone. */
export function utcOffsetSeconds({ state, seed, nowMs }: Facts): number {
  const seeded = seed.sections.vehicle_config?.utc_offset;
  if (typeof seeded === 'number' && Number.isFinite(seeded)) return seeded;
  const longitude = locationAt(state, nowMs)?.longitude ?? 0;
  return Math.round((longitude * SECONDS_PER_DEGREE) / 3600) * 3600;
}
