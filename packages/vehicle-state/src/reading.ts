// The value of one signal in one record, and which of two is the newer one.
import { isAfter, type SignalValue } from '@fleetbridge/protocol';

export interface Reading {
  /** null: the vehicle marked the signal invalid; its value is unknown. */
  value: SignalValue;
  /** The reported time of its record, epoch ms. */
  timeMs: number;
  /** Id of its record in the log, `<ms>-<seq>`. */
  entryId: string;
}

/** What orders readings. */
export type ReadingTime = Pick<Reading, 'timeMs' | 'entryId'>;

export function isNewerReading(reading: ReadingTime, current: ReadingTime | undefined): boolean {
  if (!current) return true;
  if (reading.timeMs !== current.timeMs) return reading.timeMs > current.timeMs;
  return isAfter(reading.entryId, current.entryId);
}

export function isSameReading(a: Reading, b: Reading | undefined): boolean {
  return a.timeMs === b?.timeMs && a.entryId === b.entryId;
}
