// What is known of one vehicle: the newest reading of each signal, and whether it is connected. Every part is the
// newest of what was merged, by an order that does not depend on arrival; so any order and any repetition of the same
// records gives the same state, and a snapshot joined with the log's tail is exact.
import { ConnectivityEvent, type DecodedRecord, isAfter, type SignalValue, signalsOf } from '@fleetbridge/protocol';
import { locationOf } from './signal-reading.js';

export interface Reading {
  /** null: the vehicle marked the signal invalid, so it is unknown now. */
  value: SignalValue;
  /** Time of the record that brought it, epoch ms. */
  timeMs: number;
  /** Its id in the log, `<ms>-<seq>`. */
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
  /** The last good location while the newest Location is not one (invalid, out of range); else absent. */
  heldLocation?: Reading;
}

export interface VehicleRecord {
  entryId: string;
  timeMs: number;
  decoded: DecodedRecord;
}

/** Stands for the connectivity among the names of readings; no signal's name starts with @. */
export const CONNECTIVITY = '@connectivity';

export function emptyState(): VehicleState {
  return { readings: new Map() };
}

/**
 * Merges a record into the state **in place** and returns the names of what it replaced, `@connectivity` included. A
 * newer reading of the same value counts: its time is part of the state. `Location` is named too when only the held
 * location changed.
 */
export function mergeRecord(state: VehicleState, { entryId, timeMs, decoded }: VehicleRecord): string[] {
  if (decoded.topic === 'connectivity') return mergeConnectivity(state, entryId, timeMs, decoded.message);
  if (decoded.topic !== 'V') return [];
  // A record may hold a signal twice; its last word counts, whichever way records are repeated.
  const values = new Map(signalsOf(decoded.message).map(({ name, value }) => [name, value]));
  const changed: string[] = [];
  for (const [name, value] of values) {
    if (takeReading(state, name, { value: plainValue(value), timeMs, entryId })) changed.push(name);
  }
  return changed;
}

/** A new state with all that either knows; neither is changed. Order does not matter. */
export function mergeStates(a: VehicleState, b: VehicleState): VehicleState {
  const merged: VehicleState = { ...a, readings: new Map(a.readings) };
  for (const [name, reading] of b.readings) takeReading(merged, name, reading);
  if (b.heldLocation) takeLocation(merged, b.heldLocation);
  if (b.connectivity) takeConnectivity(merged, b.connectivity);
  return merged;
}

/** Time of the newest reading, epoch ms: the moment that the state shows. undefined while nothing is known. */
export function newestReadingMs(state: VehicleState): number | undefined {
  let newest: number | undefined;
  for (const { timeMs } of state.readings.values()) {
    if (newest === undefined || timeMs > newest) newest = timeMs;
  }
  return newest;
}

/** Keeps the newer of the two; whether it is this one. For files of this package: `mergeRecord` is the door. */
export function takeReading(state: VehicleState, name: string, reading: Reading): boolean {
  if (name === 'Location') return takeLocation(state, reading);
  if (!isNewerReading(reading, state.readings.get(name))) return false;
  state.readings.set(name, reading);
  return true;
}

/** Two newests in one: of all readings, and (held only where it differs) of the good ones. */
function takeLocation(state: VehicleState, reading: Reading): boolean {
  const current = state.readings.get('Location');
  const currentIsGood = current !== undefined && isGoodLocation(current);
  if (isNewerReading(reading, current)) {
    if (isGoodLocation(reading)) delete state.heldLocation;
    else if (currentIsGood) state.heldLocation = current;
    state.readings.set('Location', reading);
    return true;
  }
  if (currentIsGood || !isGoodLocation(reading) || !isNewerReading(reading, state.heldLocation)) return false;
  state.heldLocation = reading;
  return true;
}

type ConnectivityMessage = Extract<DecodedRecord, { topic: 'connectivity' }>['message'];

function mergeConnectivity(state: VehicleState, entryId: string, timeMs: number, message: ConnectivityMessage) {
  const { status, connectionId, networkInterface } = message;
  if (status !== ConnectivityEvent.CONNECTED && status !== ConnectivityEvent.DISCONNECTED) return [];
  const isTaken = takeConnectivity(state, {
    isConnected: status === ConnectivityEvent.CONNECTED,
    connectionId: connectionId ?? '',
    networkInterface: networkInterface ?? '',
    timeMs,
    entryId,
  });
  return isTaken ? [CONNECTIVITY] : [];
}

/**
 * The newest entry of the log decides, and nothing else: the script that appends a DISCONNECTED does so only while
 * presence still names its connection, so one of an older connection never follows the CONNECTED of a newer one. (To
 * compare connection ids here as well would make the outcome depend on the order of arrival.)
 */
function takeConnectivity(state: VehicleState, connectivity: Connectivity): boolean {
  if (state.connectivity && !isAfter(connectivity.entryId, state.connectivity.entryId)) return false;
  state.connectivity = connectivity;
  return true;
}

function isNewerReading(reading: Reading, current: Reading | undefined): boolean {
  if (!current) return true;
  if (reading.timeMs !== current.timeMs) return reading.timeMs > current.timeMs;
  return isAfter(reading.entryId, current.entryId);
}

function isGoodLocation({ value }: Reading): boolean {
  return locationOf(value) !== undefined;
}

/** As JSON can keep it: a number that is not finite says nothing (null), and there is one zero. */
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
