import { expect, it } from 'vitest';
import { connectivityRecord, stateAfter, vehicleRecord } from '../test/vehicle-records.js';
import { emptyState } from './state.js';
import { vehicleJson } from './vehicle-json.js';

it('prints values with unit and time in the order of names, invalid ones as null', () => {
  const state = stateAfter(
    vehicleRecord(1_700_000_000_000, { VehicleSpeed: 0, Gear: { shiftStateValue: 5 }, Soc: null }),
    connectivityRecord('5-0', 'CONNECTED', 'a', 1_700_000_000_000),
  );
  const time = '2023-11-14T22:13:20.000Z';
  expect(JSON.stringify(vehicleJson(state))).toBe(
    JSON.stringify({
      connectivity: { isConnected: true, connectionId: 'a', networkInterface: 'wifi', time },
      signals: {
        Gear: { value: 'ShiftStateD', time },
        Soc: { value: null, unit: '%', time },
        VehicleSpeed: { value: 0, unit: 'mph', time },
      },
    }),
  );
});

it('prints corrected values', () => {
  const state = stateAfter(
    vehicleRecord(1_000, { Odometer: 18947.1, Gear: '"R"', VehicleName: '"Bob"', Soc: { floatValue: 52.3 } }),
    vehicleRecord(2_000, {
      Odometer: 30492.6,
      RatedRange: 999,
      EstBatteryRange: '999',
      IdealBatteryRange: 999,
      Location: { latitude: 0, longitude: 0 },
      DestinationLocation: { latitude: 200, longitude: 500 },
      OriginLocation: '"(37.5 N, 122.5 W)"',
    }),
  );
  const values = Object.entries(vehicleJson(state).signals).map(([name, { value }]) => [name, value]);
  expect(Object.fromEntries(values)).toEqual({
    Odometer: 18947.2,
    Gear: 'R',
    VehicleName: 'Bob',
    Soc: 52.3,
    RatedRange: null,
    EstBatteryRange: null,
    IdealBatteryRange: null,
    Location: null,
    DestinationLocation: null,
    OriginLocation: { latitude: 37.5, longitude: -122.5 },
  });
});

it('prints an unknown vehicle as empty', () => {
  expect(vehicleJson(emptyState())).toEqual({ connectivity: null, signals: {} });
});
