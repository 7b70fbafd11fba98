// The state of one vehicle: the newest reading of each signal, and whether it is connected. Which one is the newest does not
// depend on the order of arrival, so the same records in any order and with any repetition give the same state, and a
// snapshot merged with the tail of the log is exact.
import { ConnectivityEvent, type DecodedRecord, isAfter, type SignalValue, signalsOf } from '@fleetbridge/protocol';
import type { ChargingSession } from './charging-energy.js';
import { earlierMarks, type OdometerMarks, withOdometerMark } from './odometer.js';
import { isNewerReading, type Reading } from './reading.js';
import { locationOf } from './signal-reading.js';

export interface Connectivity {
  isConnected: boolean;
  connectionId: string;
  networkInterface: string;
  timeMs: number;
  entryId: string;
}

export interface VehicleState {
  readings: Map<string, Reading>;
  connectivity?: Connectivity;
  /** The last valid location while the newest Location is invalid; else absent. */
  heldLocation?: Reading;
  /** Earlier and present readings of Odometer that show in which unit it is. */
  odometerMarks?: OdometerMarks;
  /** The current or last charging session (charging-session.ts). */
  charging?: ChargingSession;
}

export interface VehicleRecord {
  entryId: string;
  timeMs: number;
  decoded: DecodedRecord;
}

/** The name of the connectivity among names of readings. No signal's name starts with @. */
export const CONNECTIVITY = '@connectivity';
/** The name of the odometer's marks, without the newest reading. */
export const ODOMETER_MARKS = '@odometer';
/** The name of the charging session. */
export const CHARGING = '@charging';

export function emptyState(): VehicleState {
  return { readings: new Map() };
}

/**
 * Merges a record into the state **in place** and returns the names of the readings that it replaced, `@connectivity` and
 * `@odometer` included. A newer reading of the same value counts: its time is part of the state. A change of the held location alone
 * returns `Location` too.
 */
export function mergeRecord(state: VehicleState, { entryId, timeMs, decoded }: VehicleRecord): string[] {
  if (decoded.topic === 'connectivity') return mergeConnectivity(state, entryId, timeMs, decoded.message);
  if (decoded.topic !== 'V') return [];
  // if a record has a signal twice, the last value wins
  const values = new Map(signalsOf(decoded.message).map(({ name, value }) => [name, value]));
  const changed: string[] = [];
  const marks = values.has('Odometer') ? storedMarks(state) : [];
  for (const [name, value] of values) {
    if (applyReading(state, name, { value: plainValue(value), timeMs, entryId })) changed.push(name);
  }
  if (values.has('Odometer') && !isSameList(marks, storedMarks(state))) changed.push(ODOMETER_MARKS);
  return changed;
}

/** A new state with the newest of both. Commutative; changes neither. */
export function mergeStates(a: VehicleState, b: VehicleState): VehicleState {
  const merged: VehicleState = { ...a, readings: new Map(a.readings) };
  for (const [name, reading] of b.readings) applyReading(merged, name, reading);
  if (b.heldLocation) applyLocation(merged, b.heldLocation);
  for (const { oldest, newest } of b.odometerMarks?.values() ?? []) {
    applyOdometerMark(merged, oldest);
    applyOdometerMark(merged, newest);
  }
  if (b.connectivity) applyConnectivity(merged, b.connectivity);
  if (b.charging && (!a.charging || isAfter(b.charging.upTo, a.charging.upTo))) merged.charging = b.charging;
  return merged;
}

/** Time of the newest reading, epoch ms. undefined without readings. */
export function newestReadingMs(state: VehicleState): number | undefined {
  let newest: number | undefined;
  for (const { timeMs } of state.readings.values()) {
    if (newest === undefined || timeMs > newest) newest = timeMs;
  }
  return newest;
}

/** Keeps the newer reading; returns whether that is this one. Internal to this package. */
export function applyReading(state: VehicleState, name: string, reading: Reading): boolean {
  if (name === 'Location') return applyLocation(state, reading);
  if (name === 'Odometer') applyOdometerMark(state, reading);
  if (!isNewerReading(reading, state.readings.get(name))) return false;
  state.readings.set(name, reading);
  return true;
}

/** Internal to this package. */
export function applyOdometerMark(state: VehicleState, reading: Reading): void {
  const marks = withOdometerMark(state.odometerMarks, reading);
  if (marks) state.odometerMarks = marks;
}

/** The marks that are stored besides the newest reading, so that they change rarely. Internal to this package. */
export function storedMarks({ odometerMarks, readings }: VehicleState): Reading[] {
  return earlierMarks(odometerMarks, readings.get('Odometer'));
}

function isSameList(a: readonly Reading[], b: readonly Reading[]): boolean {
  return a.length === b.length && a.every((reading, index) => reading === b[index]);
}

/** Keeps the newest reading and, if that is invalid, the newest valid one as the held location. */
function applyLocation(state: VehicleState, reading: Reading): boolean {
  const current = state.readings.get('Location');
  const isCurrentValid = current !== undefined && isValidLocation(current);
  if (isNewerReading(reading, current)) {
    if (isValidLocation(reading)) delete state.heldLocation;
    else if (isCurrentValid) state.heldLocation = current;
    state.readings.set('Location', reading);
    return true;
  }
  if (isCurrentValid || !isValidLocation(reading) || !isNewerReading(reading, state.heldLocation)) return false;
  state.heldLocation = reading;
  return true;
}

type ConnectivityMessage = Extract<DecodedRecord, { topic: 'connectivity' }>['message'];

function mergeConnectivity(state: VehicleState, entryId: string, timeMs: number, message: ConnectivityMessage) {
  const { status, connectionId, networkInterface } = message;
  if (status !== ConnectivityEvent.CONNECTED && status !== ConnectivityEvent.DISCONNECTED) return [];
  const isNewer = applyConnectivity(state, {
    isConnected: status === ConnectivityEvent.CONNECTED,
    connectionId: connectionId ?? '',
    networkInterface: networkInterface ?? '',
    timeMs,
    entryId,
  });
  return isNewer ? [CONNECTIVITY] : [];
}

/**
 * Only the newest entry of the log decides. The script that appends a DISCONNECTED does so only while presence names its
 * connection, so the DISCONNECTED of an older connection never follows the CONNECTED of a newer one. (Comparing
 * connection ids here as well would make the result depend on the order of arrival.)
 */
function applyConnectivity(state: VehicleState, connectivity: Connectivity): boolean {
  if (state.connectivity && !isAfter(connectivity.entryId, state.connectivity.entryId)) return false;
  state.connectivity = connectivity;
  return true;
}

function isValidLocation({ value }: Reading): boolean {
  return locationOf(value) !== undefined;
}

/** As JSON can store it: null for a number that is not finite, and 0 for -0. */
function plainValue(value: SignalValue): SignalValue {
  if (typeof value === 'number') return Number.isFinite(value) ? value + 0 : null;
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(([name, member]) => [
    name,
    typeof member === 'number' ? member + 0 : member,
  ]);
  const hasValues = members.every(([, member]) => typeof member !== 'number' || Number.isFinite(member));
  return hasValues ? Object.fromEntries(members) : null;
}
