// Whether a vehicle is online, asleep or offline. Streaming, REST and MQTT use this one function, so that they never
// contradict each other: TeslaMate ends a drive when one of them reports `asleep`.
import { entryMs, isAfter } from '@fleetbridge/protocol';
import { signalNumber } from './corrected-value.js';
import { isCharging, isInDrive } from './shift-and-power.js';
import { locationOf } from './signal-reading.js';
import type { VehicleState } from './state.js';
import { emptySeed, updateStatus, type VehicleStatus } from './vehicle-data/index.js';

export interface StatusTimes {
  /** A vehicle that disconnects is still online for this long: most reconnect at once. */
  offlineAfterMs: number;
  /** The same in a drive, where it is most likely in a tunnel or a garage. */
  driveGraceMs: number;
  /** A vehicle of unknown connectivity is online for this long after a record. */
  presentMs: number;
}

export const statusTimes: StatusTimes = { offlineAfterMs: 10_000, driveGraceMs: 120_000, presentMs: 120_000 };

export interface StatusNow {
  status: VehicleStatus;
  /** When it changes if nothing is received until then, epoch ms; undefined: it does not. */
  untilMs: number | undefined;
}

export interface StatusOptions {
  nowMs: number;
  times?: StatusTimes;
  /** The last entry of the vehicle that is not about connectivity; default: the newest of the state's readings. */
  lastRecordId?: string | undefined;
}

/** `state` is complete up to the end of the log. */
export function vehicleStatus(
  state: Readonly<VehicleState>,
  { nowMs, times = statusTimes, lastRecordId }: StatusOptions,
): StatusNow {
  const untilMs = onlineUntilMs(state, { times, lastRecordId });
  if (untilMs === Number.POSITIVE_INFINITY) return { status: 'online', untilMs: undefined };
  if (nowMs < untilMs) return { status: 'online', untilMs };
  const isKnown = untilMs > 0;
  return { status: isKnown && isAsleep(state, nowMs) ? 'asleep' : 'offline', untilMs: undefined };
}

/** Until when a vehicle is online without another record, epoch ms. Infinity: it is connected. 0: it was never seen. */
export function onlineUntilMs(
  state: Readonly<VehicleState>,
  { times = statusTimes, lastRecordId }: Omit<StatusOptions, 'nowMs'>,
): number {
  const { connectivity } = state;
  if (connectivity?.isConnected) return Number.POSITIVE_INFINITY;
  const lastRecord = lastRecordId ?? newestEntryId(state);
  const isKnownToBeGone =
    connectivity !== undefined && (lastRecord === undefined || !isAfter(lastRecord, connectivity.entryId));
  const sinceMs = isKnownToBeGone ? connectivity.timeMs : lastRecord === undefined ? undefined : entryMs(lastRecord);
  return sinceMs === undefined ? 0 : sinceMs + onlineForMs(state, { isKnownToBeGone, times });
}

function onlineForMs(
  state: Readonly<VehicleState>,
  { isKnownToBeGone, times }: { isKnownToBeGone: boolean; times: StatusTimes },
): number {
  if (!isKnownToBeGone) return times.presentMs;
  return isInDrive(state) ? times.driveGraceMs : times.offlineAfterMs;
}

/** It went parked, and neither charging nor installing: then only sleep is left. */
function isAsleep(state: Readonly<VehicleState>, nowMs: number): boolean {
  if (isInDrive(state) || isCharging(state)) return false;
  return updateStatus({ state, seed: emptySeed(''), nowMs }) !== 'installing';
}

/**
 * What REST needs of a vehicle before it can be online: TeslaMate crashes without a position, and deletes a drive without
 * odometer or range.
 */
export function hasVehicleData(state: Readonly<VehicleState>): boolean {
  const hasRange = ['IdealBatteryRange', 'RatedRange'].some((name) => signalNumber(state, name) !== undefined);
  const places = [state.readings.get('Location')?.value, state.heldLocation?.value];
  const hasPlace = places.some((place) => locationOf(place) !== undefined);
  return hasRange && hasPlace && signalNumber(state, 'Odometer') !== undefined;
}

/** The newest entry that brought a reading; undefined without readings. */
export function newestEntryId({ readings }: Readonly<VehicleState>): string | undefined {
  let newest: string | undefined;
  for (const { entryId } of readings.values()) {
    if (newest === undefined || isAfter(entryId, newest)) newest = entryId;
  }
  return newest;
}
