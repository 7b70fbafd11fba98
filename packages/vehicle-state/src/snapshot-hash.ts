// A state as the fields of a Redis hash, so that only changed signals are written. A field is the signal's name with the
// JSON array [timeMs, entryId, value]. Location has the held location, in the same form, as a fourth member;
// @connectivity is [timeMs, entryId, isConnected, connectionId, networkInterface]. @odometer is a list of readings in the
// first form; @charging is a list of the charging session alone.
import type { SignalValue } from '@fleetbridge/protocol';
import { chargingSessionOf } from './charging-energy.js';
import type { Reading } from './reading.js';
import {
  applyOdometerMark,
  applyReading,
  CHARGING,
  CONNECTIVITY,
  type Connectivity,
  emptyState,
  ODOMETER_MARKS,
  storedMarks,
  type VehicleState,
} from './state.js';

// The latest time of a JavaScript Date.
const LATEST_MS = 8.64e15;
const ENTRY_ID = /^(0|[1-9]\d{0,19})-(0|[1-9]\d{0,19})$/;

/** The fields of these names, from `mergeRecord` or `allReadings`. Omits names that the state lacks. */
export function readingsToHash(state: VehicleState, names: Iterable<string>): Record<string, string> {
  const hash: Record<string, string> = {};
  for (const name of names) {
    const field = fieldOf(state, name);
    if (field) hash[name] = JSON.stringify(field);
  }
  return hash;
}

/** The names of everything in the state. */
export function allReadings(state: VehicleState): string[] {
  return [
    ...state.readings.keys(),
    ...(state.connectivity ? [CONNECTIVITY] : []),
    ...(storedMarks(state).length > 0 ? [ODOMETER_MARKS] : []),
    ...(state.charging ? [CHARGING] : []),
  ];
}

/** `skipped` names unknown and corrupt fields; the others are read. Never throws. */
export function stateFromHash(hash: Record<string, string>): { state: VehicleState; skipped: string[] } {
  const state = emptyState();
  const skipped: string[] = [];
  for (const [name, text] of Object.entries(hash)) {
    if (!readField(state, name, parsedJson(text))) skipped.push(name);
  }
  return { state, skipped };
}

function fieldOf(state: VehicleState, name: string): unknown[] | undefined {
  if (name === CONNECTIVITY) return connectivityField(state);
  if (name === ODOMETER_MARKS) return marksField(state);
  if (name === CHARGING) return state.charging && [state.charging];
  return readingField(state, name);
}

function marksField(state: VehicleState): unknown[] | undefined {
  const marks = storedMarks(state);
  return marks.length === 0 ? undefined : marks.map(readingTuple);
}

function readingField(state: VehicleState, name: string): unknown[] | undefined {
  const reading = state.readings.get(name);
  if (!reading) return undefined;
  const held = name === 'Location' ? state.heldLocation : undefined;
  return held ? [...readingTuple(reading), readingTuple(held)] : readingTuple(reading);
}

function readingTuple({ timeMs, entryId, value }: Reading): unknown[] {
  return [timeMs, entryId, value];
}

function connectivityField({ connectivity }: VehicleState): unknown[] | undefined {
  if (!connectivity) return undefined;
  const { timeMs, entryId, isConnected, connectionId, networkInterface } = connectivity;
  return [timeMs, entryId, isConnected, connectionId, networkInterface];
}

function readField(state: VehicleState, name: string, field: unknown): boolean {
  if (!Array.isArray(field)) return false;
  if (name === CONNECTIVITY) {
    const connectivity = connectivityOf(field);
    if (connectivity) state.connectivity = connectivity;
    return connectivity !== undefined;
  }
  if (name === ODOMETER_MARKS) {
    const marks = field.map(readingOf);
    for (const mark of marks) if (mark) applyOdometerMark(state, mark);
    return marks.every((mark) => mark !== undefined);
  }
  if (name === CHARGING) {
    const charging = chargingSessionOf(field[0]);
    if (charging) state.charging = charging;
    return charging !== undefined;
  }
  const [timeMs, entryId, value, held] = field;
  const reading = readingOf([timeMs, entryId, value]);
  const heldLocation = readingOf(held);
  const isHeldValid = held === undefined || (name === 'Location' && heldLocation !== undefined);
  if (!reading || !isHeldValid || field.length > 4 || name === '' || name.startsWith('@')) return false;
  applyReading(state, name, reading);
  if (heldLocation) applyReading(state, name, heldLocation);
  return true;
}

function readingOf(tuple: unknown): Reading | undefined {
  if (!Array.isArray(tuple) || tuple.length !== 3) return undefined;
  const [timeMs, entryId, value] = tuple;
  return isTime(timeMs) && isEntryId(entryId) && isSignalValue(value) ? { value, timeMs, entryId } : undefined;
}

function connectivityOf(tuple: unknown[]): Connectivity | undefined {
  const [timeMs, entryId, isConnected, connectionId, networkInterface] = tuple;
  if (tuple.length !== 5 || !isTime(timeMs) || !isEntryId(entryId) || typeof isConnected !== 'boolean')
    return undefined;
  if (typeof connectionId !== 'string' || typeof networkInterface !== 'string') return undefined;
  return { isConnected, connectionId, networkInterface, timeMs, entryId };
}

function isTime(value: unknown): value is number {
  return Number.isInteger(value) && Math.abs(value as number) <= LATEST_MS;
}

function isEntryId(value: unknown): value is string {
  return typeof value === 'string' && ENTRY_ID.test(value);
}

function isSignalValue(value: unknown): value is SignalValue {
  if (typeof value !== 'object') return typeof value === 'string' || isPlainMember(value);
  return value === null || (!Array.isArray(value) && Object.values(value).every(isPlainMember));
}

/** JSON.parse turns `1e999` into Infinity; reject it. */
function isPlainMember(value: unknown): boolean {
  return typeof value === 'boolean' || Number.isFinite(value);
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the caller skips the field
  }
}
