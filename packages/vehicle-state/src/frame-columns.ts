// The columns of the Owner API's streaming frame, as TeslaMate parses them (docs/protocol/teslamate.md#columns). TeslaMate
// ignores an integer column that is not an integer, so the rounding here is part of the contract. An unknown value is the
// empty text; zero is a value.
import { signalNumber } from './corrected-value.js';
import { locationAt } from './location.js';
import { shownPowerKw, shownShift } from './shift-and-power.js';
import type { VehicleState } from './state.js';
import { stateOfCharge } from './state-of-charge.js';

export interface FrameColumn {
  name: string;
  unit: string;
  format: 'integer' | 'float' | 'text';
  /** The fact about this column that is not obvious. */
  why: string;
  /** undefined = unknown. `atMs` is the frame's time. */
  from: (state: VehicleState, atMs: number) => number | string | undefined;
}

/** All thirteen. `time` is always the first in a frame and cannot be subscribed to. */
export const frameColumns: readonly FrameColumn[] = [
  {
    name: 'time',
    unit: 'ms',
    format: 'integer',
    why: "time of the record by the vehicle's clock, since the epoch; anything but an integer crashes the client",
    from: (_state, atMs) => atMs,
  },
  {
    name: 'speed',
    unit: 'mph',
    format: 'integer',
    why: 'telemetry uses mph too; a parked vehicle sends no speed',
    from: (state) => signalNumber(state, 'VehicleSpeed'),
  },
  {
    name: 'odometer',
    unit: 'mi',
    format: 'float',
    why: 'the only column besides the location that may have a fraction',
    from: (state) => signalNumber(state, 'Odometer'),
  },
  {
    name: 'soc',
    unit: '%',
    format: 'integer',
    why: 'BatteryLevel, else Soc: TeslaMate stores it in one column with the battery_level of REST',
    from: (state) => stateOfCharge(state),
  },
  {
    name: 'elevation',
    unit: 'm',
    format: 'integer',
    why: 'telemetry has no elevation; streaming adds it from an elevation service if one is configured',
    from: () => undefined,
  },
  { name: 'est_heading', unit: '°', format: 'integer', why: 'this is the heading that TeslaMate uses', from: heading },
  {
    name: 'est_lat',
    unit: '°',
    format: 'float',
    why: 'without a location TeslaMate fails to insert the position, so no frame is sent',
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
    why: 'positive = consumption, negative = regeneration or charging; empty while parked means "not awake" to TeslaMate',
    from: (state) => shownPowerKw(state),
  },
  {
    name: 'shift_state',
    unit: '',
    format: 'text',
    why: 'P, R, N, D; empty while charging, otherwise TeslaMate does not detect the charge',
    from: (state) => shownShift(state),
  },
  {
    name: 'range',
    unit: 'mi',
    format: 'integer',
    why: 'rated range',
    from: (state) => signalNumber(state, 'RatedRange'),
  },
  {
    name: 'est_range',
    unit: 'mi',
    format: 'integer',
    why: 'range estimated from recent consumption',
    from: (state) => signalNumber(state, 'EstBatteryRange'),
  },
  {
    name: 'heading',
    unit: '°',
    format: 'integer',
    why: 'the same as est_heading; telemetry has only one heading',
    from: heading,
  },
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

/** Six decimals of a degree are 11 cm, finer than any fix. More would turn noise into frames. */
function floatText(value: number): string {
  return plainText(Number(value.toFixed(6)));
}

/** No valid value exceeds 2^53, and from 1e21 JavaScript prints an exponent. (-0 prints as 0.) */
function plainText(value: number): string {
  return Math.abs(value) <= Number.MAX_SAFE_INTEGER ? String(value) : '';
}

/** ±7.5 kW becomes ±8; Math.round would turn -7.5 into -7. */
function roundHalfAway(value: number): number {
  return Math.sign(value) * Math.round(Math.abs(value));
}

/** 0 to 359. Rounded first, since 359.7 is north. */
function heading(state: VehicleState): number | undefined {
  const degrees = signalNumber(state, 'GpsHeading');
  return degrees === undefined ? undefined : ((roundHalfAway(degrees) % 360) + 360) % 360;
}
