// The text of a checkpoint in Redis: the last frame, formatted with the default columns, and the readings of the signals
// that frames show. Processes of other versions read and write it too, so its form must not change.
import type { Checkpoint } from '@fleetbridge/store';
import { defaultColumns, formatFrame } from '@fleetbridge/vehicle-state';
import { createFrame, type Frame } from './frame.js';

interface StoredCheckpoint {
  present?: StoredFrame | undefined;
  readings: Record<string, string>;
}

interface StoredFrame {
  entryId: string;
  timeMs: number;
  /** `<time>,<column>,…`: the value of a data:update with the default columns. */
  text: string;
  isParked: boolean;
}

export function checkpointText(present: Frame | undefined, readings: Record<string, string>): string {
  const stored: StoredCheckpoint = { present: present && storedFrame(present), readings };
  return JSON.stringify(stored);
}

export function parseCheckpoint({ text }: Checkpoint): {
  present: Frame | undefined;
  readings: Record<string, string>;
} {
  const { present, readings } = JSON.parse(text) as StoredCheckpoint;
  return { present: present && frameOf(present), readings };
}

function storedFrame(frame: Frame): StoredFrame {
  const { entryId, timeMs, isParked } = frame;
  return { entryId, timeMs, text: formatFrame(frame, defaultColumns), isParked };
}

function frameOf({ entryId, timeMs, text }: StoredFrame): Frame {
  const [, ...texts] = text.split(',');
  const values = Object.fromEntries(defaultColumns.map((name, n) => [name, texts[n] ?? '']));
  return createFrame(entryId, { timeMs, values });
}
