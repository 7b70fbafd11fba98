import { describe, expect, it } from 'vitest';
import { connectivityRecord, type Signals, stateAfter, stateWith, vehicleRecord } from '../test/vehicle-records.js';
import { emptyState } from './state.js';
import { hasVehicleData, newestEntryId, vehicleStatus } from './vehicle-status.js';

/** A vehicle that sent these signals and then disconnected at 100,000 ms. */
function gone(signals: Signals) {
  const connected = connectivityRecord('1000-0', 'CONNECTED', 'a', 1_000);
  const record = vehicleRecord(50_000, signals);
  return stateAfter(connected, record, connectivityRecord('100000-0', 'DISCONNECTED', 'a', 100_000));
}

const parked: Signals = { Gear: 'P' };

describe('a vehicle that has disconnected', () => {
  it.each<[string, Signals, number, string]>([
    ['is online for 10 s', parked, 9_999, 'online'],
    ['is asleep after that if it went parked', parked, 10_000, 'asleep'],
    ['is asleep if its gear is unknown', {}, 10_000, 'asleep'],
    ['is offline if it went charging', { ...parked, DetailedChargeState: 'Charging' }, 10_000, 'offline'],
    ['is offline if it went starting to charge', { ...parked, DetailedChargeState: 'Starting' }, 10_000, 'offline'],
    ['is asleep if its charge is complete', { ...parked, DetailedChargeState: 'Complete' }, 10_000, 'asleep'],
    ['is offline if it went installing', { SoftwareUpdateInstallationPercentComplete: 40 }, 10_000, 'offline'],
    ['is online in a drive for two minutes', { Gear: 'D' }, 119_999, 'online'],
    ['is offline after that', { Gear: 'D' }, 120_000, 'offline'],
    ['is offline in reverse, too', { Gear: 'R' }, 120_000, 'offline'],
  ])('%s', (_, signals, afterMs, status) => {
    expect(vehicleStatus(gone(signals), { nowMs: 100_000 + afterMs }).status).toBe(status);
  });

  it('reports when its status changes', () => {
    expect(vehicleStatus(gone(parked), { nowMs: 100_001 })).toEqual({ status: 'online', untilMs: 110_000 });
    expect(vehicleStatus(gone(parked), { nowMs: 200_000 })).toEqual({ status: 'asleep', untilMs: undefined });
  });
});

it('is online while connected, also without records', () => {
  const state = stateAfter(connectivityRecord('1000-0', 'CONNECTED', 'a', 1_000));
  expect(vehicleStatus(state, { nowMs: 9e9 })).toEqual({ status: 'online', untilMs: undefined });
});

it('is offline without any record', () => {
  expect(vehicleStatus(emptyState(), { nowMs: 9e9 }).status).toBe('offline');
});

it('is online for two minutes after a record without connectivity, and after one that follows a disconnect', () => {
  const state = stateWith(parked, 50_000);
  expect(vehicleStatus(state, { nowMs: 169_999 })).toEqual({ status: 'online', untilMs: 170_000 });
  expect(vehicleStatus(state, { nowMs: 170_000 }).status).toBe('asleep');
  const later = stateAfter(connectivityRecord('9-0', 'DISCONNECTED', 'a', 9), vehicleRecord(50_000, parked));
  expect(vehicleStatus(later, { nowMs: 100_000 }).status).toBe('online');
});

it.each<[Signals, boolean]>([
  [{ Location: { latitude: 48, longitude: 11 }, Odometer: 5, RatedRange: 200 }, true],
  [{ Location: { latitude: 48, longitude: 11 }, Odometer: 5, IdealBatteryRange: 200 }, true],
  [{ Location: { latitude: 48, longitude: 11 }, Odometer: 5, RatedRange: 999 }, false],
  [{ Location: { latitude: 0, longitude: 0 }, Odometer: 5, RatedRange: 200 }, false],
  [{ Location: { latitude: 48, longitude: 11 }, Odometer: null, RatedRange: 200 }, false],
  [{ Odometer: 5, RatedRange: 200 }, false],
])('has vehicle_data with %j: %s', (signals, expected) => {
  expect(hasVehicleData(stateWith(signals))).toBe(expected);
});

it('keeps having vehicle_data when the location becomes invalid', () => {
  const state = stateAfter(
    vehicleRecord(1, { Location: { latitude: 48, longitude: 11 }, Odometer: 5, RatedRange: 200 }),
    vehicleRecord(2, { Location: null }),
  );
  expect(hasVehicleData(state)).toBe(true);
});

it('finds the newest entry of its readings, comparing ids as numbers', () => {
  const state = stateAfter(vehicleRecord(1, { Soc: 1 }, '9-0'), vehicleRecord(2, { Odometer: 1 }, '10-0'));
  expect(newestEntryId(state)).toBe('10-0');
  expect(newestEntryId(emptyState())).toBeUndefined();
});
