// One frame as subscribers are sent it, small enough to be kept for all who may come back for it.
import { defaultColumns, type FrameRow, formatFrame } from '@fleetbridge/vehicle-state';
import type { Elevation } from './elevation.js';

export interface Frame {
  /** The record that made it: a cursor. */
  entryId: string;
  /** By the vehicle's clock, epoch ms. */
  timeMs: number;
  /** The value of a data:update in the default columns. */
  text: string;
  /** No drive goes on with this frame. */
  isParked: boolean;
}

export function createFrame(entryId: string, row: FrameRow): Frame {
  return { entryId, timeMs: row.timeMs, text: formatFrame(row, defaultColumns), isParked: isParked(row) };
}

/** An empty letter at speed is a gap in the signal; standing still it is a charge, and the drive is over. */
function isParked({ values: { shift_state, speed } }: FrameRow): boolean {
  return shift_state === 'P' || (shift_state === '' && !(Number(speed) > 0));
}

export function frameRow({ timeMs, text }: Frame): FrameRow {
  const texts = text.split(',');
  return { timeMs, values: Object.fromEntries(defaultColumns.map((name, n) => [name, texts[n + 1] ?? ''])) };
}

/** The value in the columns that a subscriber asked for. */
export function frameText(frame: Frame, columns: readonly string[]): string {
  return columns === defaultColumns ? frame.text : formatFrame(frameRow(frame), columns);
}

export function hasLetter(frame: Frame): boolean {
  return frameRow(frame).values.shift_state !== '';
}

/** The same moment without a shift letter and without power. */
export function withoutLetter(frame: Frame): Frame {
  const { timeMs, values } = frameRow(frame);
  return createFrame(frame.entryId, { timeMs, values: { ...values, shift_state: '', power: '0' } });
}

/** The same moment with the height of its place, if that is known by now. */
export function withElevation(frame: Frame, elevation: Pick<Elevation, 'at'>): Frame {
  const { timeMs, values } = frameRow(frame);
  const metres = elevation.at(Number(values.est_lat), Number(values.est_lng));
  if (metres === undefined) return frame;
  return { ...frame, text: formatFrame({ timeMs, values: { ...values, elevation: String(metres) } }, defaultColumns) };
}
