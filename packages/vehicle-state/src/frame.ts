// The streaming frame of a state at a moment, and its text for the columns that a subscriber asked for:
// `1700000000000,31,12345.6,…`, the time always first.
import { columnText, frameColumns } from './frame-columns.js';
import type { VehicleState } from './state.js';

export interface FrameRow {
  /** The record's time by the vehicle's clock, epoch ms. */
  timeMs: number;
  /** Text by column name, `''` = unknown; all columns but the time. */
  values: Readonly<Record<string, string>>;
}

const valueColumns = frameColumns.filter(({ name }) => name !== 'time');
const MAX_COLUMNS = 64;

/** What TeslaMate subscribes to, in its order. */
export const defaultColumns: readonly string[] = valueColumns.map(({ name }) => name);

/** undefined = hold it: without a location TeslaMate's insert of a position fails and its vehicle's process with it. */
export function toFrameRow(state: VehicleState, atMs: number): FrameRow | undefined {
  const values = Object.fromEntries(valueColumns.map((column) => [column.name, columnText(column, state, atMs)]));
  return values.est_lat === '' || values.est_lng === '' ? undefined : { timeMs: Math.trunc(atMs), values };
}

/** A column that we don't have keeps its place, empty, as the Owner API did. */
export function formatFrame({ timeMs, values }: FrameRow, columns: readonly string[]): string {
  let text = String(timeMs);
  for (const name of columns) text += `,${Object.hasOwn(values, name) ? values[name] : ''}`;
  return text;
}

/** Whether two frames differ in nothing but their time. */
export function isSameFrame(a: FrameRow, b: FrameRow): boolean {
  return defaultColumns.every((name) => a.values[name] === b.values[name]);
}

/** A subscriber's list can't be used. */
export class ColumnsError extends Error {
  readonly columns: number;

  constructor(columns: number) {
    super(columns === 0 ? 'no columns' : `${columns} columns, at most ${MAX_COLUMNS} are possible`);
    this.name = 'ColumnsError';
    this.columns = columns;
  }
}

/** `speed,odometer,…` → the names in their order. Unknown names are kept (see formatFrame); bad lists are returned. */
export function parseColumns(text: string): readonly string[] | ColumnsError {
  if (text.trim() === '') return new ColumnsError(0);
  const columns = text.split(',').map((name) => name.trim());
  return columns.length > MAX_COLUMNS ? new ColumnsError(columns.length) : columns;
}
