// The columns of the Owner API's streaming frame, as TeslaMate parses them: an integer column with anything but digits
// is nothing to it, so what is rounded here is the contract. Unknown is the empty text; zero is a value.
import { locationAt } from './location.js';
import { shownPowerKw, shownShift } from './shift-and-power.js';
import { numberOf } from './signal-reading.js';
import type { VehicleState } from './state.js';

export interface FrameColumn {
  name: string;
  unit: string;
  format: 'integer' | 'float' | 'text';
  /** The one thing that a reader would not guess. */
  why: string;
  /** undefined = unknown. `atMs` is the frame's time. */
  from: (state: VehicleState, atMs: number) => number | string | undefined;
}

/** All thirteen; `time` always comes first in a frame and is not subscribed to. */
export const frameColumns: readonly FrameColumn[] = [
  {
    name: 'time',
    unit: 'ms',
    format: 'integer',
    why: "vehicle's clock at the record, since the epoch; anything but an integer crashes the client",
    from: (_state, atMs) => atMs,
  },
  {
    name: 'speed',
    unit: 'mph',
    format: 'integer',
    why: 'telemetry speaks mph too; a parked vehicle has none',
    from: (state) => signal(state, 'VehicleSpeed'),
  },
  {
    name: 'odometer',
    unit: 'mi',
    format: 'float',
    why: 'the only column besides the location that may have a fraction',
    from: (state) => signal(state, 'Odometer'),
  },
  {
    name: 'soc',
    unit: '%',
    format: 'integer',
    why: 'a vehicle may send only one of the two signals',
    from: (state) => signal(state, 'Soc') ?? signal(state, 'BatteryLevel'),
  },
  {
    name: 'elevation',
    unit: 'm',
    format: 'integer',
    why: 'telemetry has no such signal; to be filled once there is a provider',
    from: () => undefined,
  },
  { name: 'est_heading', unit: '°', format: 'integer', why: 'this is the heading that TeslaMate uses', from: heading },
  {
    name: 'est_lat',
    unit: '°',
    format: 'float',
    why: 'without it the insert of a position fails: no frame is made',
    from: (state, atMs) => locationAt(state, atMs)?.latitude,
  },
  {
    name: 'est_lng',
    unit: '°',
    format: 'float',
    why: 'as est_lat',
    from: (state, atMs) => locationAt(state, atMs)?.longitude,
  },
  {
    name: 'power',
    unit: 'kW',
    format: 'integer',
    why: 'positive = consumption, negative = regeneration or charging; empty while parked would say "not awake"',
    from: (state) => shownPowerKw(state),
  },
  {
    name: 'shift_state',
    unit: '',
    format: 'text',
    why: 'P, R, N, D; empty while charging, or the charge goes unseen',
    from: (state) => shownShift(state),
  },
  {
    name: 'range',
    unit: 'mi',
    format: 'integer',
    why: 'rated range',
    from: (state) => signal(state, 'RatedRange'),
  },
  {
    name: 'est_range',
    unit: 'mi',
    format: 'integer',
    why: 'range by recent consumption',
    from: (state) => signal(state, 'EstBatteryRange'),
  },
  { name: 'heading', unit: '°', format: 'integer', why: 'as est_heading: telemetry has one', from: heading },
];

/** The column's text in a frame: never `-0`, never an exponent, no fraction in an integer column. */
export function columnText({ format, from }: FrameColumn, state: VehicleState, atMs: number): string {
  const value = from(state, atMs);
  if (typeof value !== 'number') return value ?? '';
  return format === 'integer' ? integerText(value) : floatText(value);
}

function integerText(value: number): string {
  return plainText(roundHalfAway(value));
}

/** Six decimals of a degree are 11 cm, finer than any fix; more would make a frame of each bit of noise. */
function floatText(value: number): string {
  return plainText(Number(value.toFixed(6)));
}

/** Past 2^53 no column means anything, and from 1e21 on JavaScript would write an exponent. (-0 prints as 0.) */
function plainText(value: number): string {
  return Math.abs(value) <= Number.MAX_SAFE_INTEGER ? String(value) : '';
}

/** 7.5 kW is 8 in either direction; Math.round would make -7 of the one. */
function roundHalfAway(value: number): number {
  return Math.sign(value) * Math.round(Math.abs(value));
}

function signal({ readings }: VehicleState, name: string): number | undefined {
  return numberOf(readings.get(name)?.value);
}

/** 0 to 359. Rounded first, since 359.7 is north. */
function heading(state: VehicleState): number | undefined {
  const degrees = signal(state, 'GpsHeading');
  return degrees === undefined ? undefined : ((roundHalfAway(degrees) % 360) + 360) % 360;
}
