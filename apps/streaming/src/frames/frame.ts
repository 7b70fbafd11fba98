// One frame of a vehicle: a row of the default columns, and the record that made it. It becomes text when it is sent
// (frame-messages.ts).
import type { FrameRow } from '@fleetbridge/vehicle-state';
import type { Elevation } from './elevation.js';

export interface Frame extends FrameRow {
  /** The record that made it: a cursor. */
  entryId: string;
  /** The drive ends with this frame, or there was no drive. */
  isParked: boolean;
}

export function createFrame(entryId: string, { timeMs, values }: FrameRow): Frame {
  return { entryId, timeMs, values, isParked: isParked(values) };
}

/** An empty letter at speed is a gap in the signal. An empty letter at standstill is a charge: the drive is over. */
function isParked({ shift_state, speed }: FrameRow['values']): boolean {
  return shift_state === 'P' || (shift_state === '' && !(Number(speed) > 0));
}

export function hasShiftLetter({ values }: Frame): boolean {
  return values.shift_state !== '';
}

/** In D, R or N. */
export function isDriving({ values }: Frame): boolean {
  return values.shift_state !== '' && values.shift_state !== 'P';
}

/** A vehicle that is probably asleep: to TeslaMate, empty power means that it is not really online. */
export function asAsleep({ entryId, timeMs, values }: Frame): Frame {
  return createFrame(entryId, { timeMs, values: { ...values, shift_state: '', power: '' } });
}

/** The same moment in P, with a known power. */
export function asParked({ entryId, timeMs, values }: Frame): Frame {
  return createFrame(entryId, { timeMs, values: { ...values, shift_state: 'P', power: '0' } });
}

/** The same moment without a shift letter and without power. */
export function withoutShiftLetter({ entryId, timeMs, values }: Frame): Frame {
  return createFrame(entryId, { timeMs, values: { ...values, shift_state: '', power: '0' } });
}

/** The same moment with the elevation of its location, once that is known. */
export function withElevation(frame: Frame, elevation: Pick<Elevation, 'at'>): Frame {
  const { values } = frame;
  const metres = elevation.at(Number(values.est_lat), Number(values.est_lng));
  return metres === undefined ? frame : { ...frame, values: { ...values, elevation: String(metres) } };
}
