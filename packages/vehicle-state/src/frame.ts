// The streaming frame of a state at a moment, and its text for the columns of a subscriber:
// `1700000000000,31,12345.6,…`, the time always first (docs/protocol/teslamate.md#frame).
import { columnText, frameColumns } from './frame-columns.js';
import type { VehicleState } from './state.js';

export interface FrameRow {
  /** The record's time by the vehicle's clock, epoch ms. */
  timeMs: number;
  /** Text by column name, `''` = unknown. All columns except the time. */
  values: Readonly<Record<string, string>>;
}

const valueColumns = frameColumns.filter(({ name }) => name !== 'time');
const MAX_COLUMNS = 64;

/** The columns that TeslaMate subscribes to, in its order. */
export const defaultColumns: readonly string[] = valueColumns.map(({ name }) => name);

/** undefined without a location: TeslaMate's insert of the position would fail and end its process for the vehicle. */
export function toFrameRow(state: VehicleState, atMs: number): FrameRow | undefined {
  const values = Object.fromEntries(valueColumns.map((column) => [column.name, columnText(column, state, atMs)]));
  return values.est_lat === '' || values.est_lng === '' ? undefined : { timeMs: Math.trunc(atMs), values };
}

/** An unknown column is empty in its place, as in the Owner API. */
export function formatFrame({ timeMs, values }: FrameRow, columns: readonly string[]): string {
  let text = String(timeMs);
  for (const name of columns) text += `,${Object.hasOwn(values, name) ? values[name] : ''}`;
  return text;
}

/** Whether two frames differ only in their time. */
export function isSameFrame(a: FrameRow, b: FrameRow): boolean {
  return defaultColumns.every((name) => a.values[name] === b.values[name]);
}

/** A subscriber's list of columns is empty or too long. */
export class ColumnsError extends Error {
  readonly columns: number;

  constructor(columns: number) {
    super(columns === 0 ? 'expected at least one column' : `expected at most ${MAX_COLUMNS} columns, got ${columns}`);
    this.name = 'ColumnsError';
    this.columns = columns;
  }
}

/** `speed,odometer,…` → the names in their order. Keeps unknown names (see formatFrame). */
export function parseColumns(text: string): readonly string[] | ColumnsError {
  if (text.trim() === '') return new ColumnsError(0);
  const columns = text.split(',').map((name) => name.trim());
  return columns.length > MAX_COLUMNS ? new ColumnsError(columns.length) : columns;
}
