// The state of one vehicle: the newest reading of each signal, and whether it is connected. Which one is the newest does not
// depend on the order of arrival, so the same records in any order and with any repetition give the same state, and a
// snapshot merged with the tail of the log is exact.
import { ConnectivityEvent, type DecodedRecord, isAfter, type SignalValue, signalsOf } from '@fleetbridge/protocol';
import { locationOf } from './signal-reading.js';

export interface Reading {
  /** null: the vehicle marked the signal invalid; its value is unknown. */
  value: SignalValue;
  /** Time of its record, epoch ms. */
  timeMs: number;
  /** Id of its record in the log, `<ms>-<seq>`. */
  entryId: string;
}

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
  /** The last valid location while the newest Location is invalid or out of range; else absent. */
  heldLocation?: Reading;
}

export interface VehicleRecord {
  entryId: string;
  timeMs: number;
  decoded: DecodedRecord;
}

/** The name of the connectivity among names of readings. No signal's name starts with @. */
export const CONNECTIVITY = '@connectivity';

export function emptyState(): VehicleState {
  return { readings: new Map() };
}

/**
 * Merges a record into the state **in place** and returns the names of the readings that it replaced, `@connectivity`
 * included. A newer reading of the same value counts: its time is part of the state. A change of the held location alone
 * returns `Location` too.
 */
export function mergeRecord(state: VehicleState, { entryId, timeMs, decoded }: VehicleRecord): string[] {
  if (decoded.topic === 'connectivity') return mergeConnectivity(state, entryId, timeMs, decoded.message);
  if (decoded.topic !== 'V') return [];
  // if a record has a signal twice, the last value wins
  const values = new Map(signalsOf(decoded.message).map(({ name, value }) => [name, value]));
  const changed: string[] = [];
  for (const [name, value] of values) {
    if (applyReading(state, name, { value: plainValue(value), timeMs, entryId })) changed.push(name);
  }
  return changed;
}

/** A new state with the newest of both. Commutative; changes neither. */
export function mergeStates(a: VehicleState, b: VehicleState): VehicleState {
  const merged: VehicleState = { ...a, readings: new Map(a.readings) };
  for (const [name, reading] of b.readings) applyReading(merged, name, reading);
  if (b.heldLocation) applyLocation(merged, b.heldLocation);
  if (b.connectivity) applyConnectivity(merged, b.connectivity);
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
  if (!isNewerReading(reading, state.readings.get(name))) return false;
  state.readings.set(name, reading);
  return true;
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

function isNewerReading(reading: Reading, current: Reading | undefined): boolean {
  if (!current) return true;
  if (reading.timeMs !== current.timeMs) return reading.timeMs > current.timeMs;
  return isAfter(reading.entryId, current.entryId);
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
