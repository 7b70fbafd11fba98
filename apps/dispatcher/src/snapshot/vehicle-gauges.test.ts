import { CONNECTIVITY, emptyState, ODOMETER_MARKS, type Reading, type VehicleState } from '@fleetbridge/vehicle-state';
import { describe, expect, it } from 'vitest';
import { boardSignals, LIVE_MS, shownNow, vehicleGauges } from './vehicle-gauges.js';

const NOW = 1_784_000_000_000;
const here = { latitude: 48.1, longitude: 11.5 };
const driving = {
  Gear: 'ShiftStateD',
  VehicleSpeed: 62.137,
  PackVoltage: 400,
  PackCurrent: -50,
  Soc: 70.5,
  RatedRange: 200,
  Odometer: 10_000,
  GpsHeading: 359.7,
  OutsideTemp: -3.5,
  Location: here,
};

describe('vehicleGauges', () => {
  it('shows a driving vehicle with values in the units of the names', () => {
    expect(board(vehicle(driving))).toEqual({
      connected: 1,
      heard_timestamp_seconds: NOW / 1000 - 1,
      latitude_degrees: 48.1,
      longitude_degrees: 11.5,
      location_timestamp_seconds: NOW / 1000 - 1,
      heading_degrees: 359.7,
      speed_kmh: 99.999808,
      power_kw: 20,
      shift: 'D',
      soc_percent: 70.5,
      rated_range_km: 321.8688,
      odometer_km: 16_093.44,
      outside_temperature_celsius: -3.5,
    });
  });

  it('shows a charging vehicle with negative power, without shift letter, and with the remaining time', () => {
    const charging = { Gear: 'ShiftStateP', DetailedChargeState: 'DetailedChargeStateCharging', ACChargingPower: 11 };
    const shown = board(vehicle({ ...charging, TimeToFullCharge: 1.5, ChargeLimitSoc: 80 }));
    expect(shown).toMatchObject({ power_kw: -11, charge_state: 'Charging', charge_limit_percent: 80 });
    expect(shown).toMatchObject({ time_to_full_charge_seconds: 5_400 });
    expect(shown).not.toHaveProperty('shift');
  });

  it('shows as state of charge what frames show: BatteryLevel, else Soc', () => {
    expect(board(vehicle({ Soc: 70.2, BatteryLevel: 73.4 }))).toMatchObject({ soc_percent: 73.4 });
    expect(board(vehicle({ Soc: 70.2, BatteryLevel: null }))).toMatchObject({ soc_percent: 70.2 });
  });

  it('shows zero, and no series for unknown and invalid values', () => {
    const zeros = { VehicleSpeed: 0, Soc: 0, RatedRange: 0, PackVoltage: 400, PackCurrent: 0, OutsideTemp: 0 };
    expect(board(vehicle(zeros))).toMatchObject({ speed_kmh: 0, soc_percent: 0, power_kw: 0, rated_range_km: 0 });
    const unknown = board(vehicle({ VehicleSpeed: null, Soc: null, Location: null, Gear: 'ShiftStateP' }));
    expect(Object.keys(unknown)).toEqual(['connected', 'heard_timestamp_seconds', 'shift']);
    expect(board({ state: emptyState() })).toEqual({});
  });

  it('corrects what vehicles are known to send', () => {
    const shown = board(
      vehicle({ Gear: '"D"', VehicleSpeed: '"62.137"', RatedRange: 999, Location: { latitude: 0, longitude: 0 } }),
    );
    expect(shown).toMatchObject({ shift: 'D', speed_kmh: 99.999808 });
    for (const name of ['rated_range_km', 'latitude_degrees']) expect(shown).not.toHaveProperty(name);
  });

  it.each([
    ['is disconnected', { isConnected: false, receivedMs: NOW - 1_000 }],
    ['has sent nothing for five minutes', { isConnected: true, receivedMs: NOW - LIVE_MS }],
  ])('shows a vehicle that %s without driving values, but with location and charge', (_, state) => {
    const shown = board(vehicle(driving, state));
    for (const name of ['speed_kmh', 'power_kw', 'shift', 'heading_degrees', 'outside_temperature_celsius'])
      expect(shown).not.toHaveProperty(name);
    expect(shown).toMatchObject({ connected: Number(state.isConnected), latitude_degrees: 48.1, soc_percent: 70.5 });
  });

  it('shows the last location in a tunnel for a minute, then no location, and the last one again after a disconnect', () => {
    const inTunnel = (heldMs: number, isConnected = true) => {
      const { state, receivedMs } = vehicle({ ...driving, Location: null }, { isConnected });
      state.heldLocation = reading(here, NOW - heldMs);
      return board({ state, receivedMs });
    };
    expect(inTunnel(59_000)).toMatchObject({ latitude_degrees: 48.1, location_timestamp_seconds: NOW / 1000 - 59 });
    expect(inTunnel(61_000)).not.toHaveProperty('latitude_degrees');
    expect(inTunnel(61_000)).not.toHaveProperty('location_timestamp_seconds');
    expect(inTunnel(3_600_000, false)).toMatchObject({ latitude_degrees: 48.1, longitude_degrees: 11.5 });
  });
});

it('requests every signal that a projection reads', () => {
  const requested = new Set<string>([CONNECTIVITY, ODOMETER_MARKS]);
  class Recording extends Map<string, Reading> {
    override get(name: string) {
      requested.add(name);
      return super.get(name);
    }
  }
  for (const signals of [{}, driving, { DetailedChargeState: 'DetailedChargeStateCharging' }]) {
    const { state, receivedMs } = vehicle(signals);
    state.readings = new Recording(state.readings);
    board({ state, receivedMs });
  }
  expect([...requested].sort()).toEqual([...boardSignals].sort());
});

it('has unique names with the prefix of vehicles', () => {
  const names = vehicleGauges.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^fleetbridge_vehicle_[a-z_]+$/);
});

function board({
  state,
  receivedMs,
}: {
  state: VehicleState;
  receivedMs?: number | undefined;
}): Record<string, unknown> {
  const shown = vehicleGauges.map((gauge) => [
    gauge.name.replace('fleetbridge_vehicle_', ''),
    shownNow(gauge, { state, receivedMs, nowMs: NOW }),
  ]);
  return Object.fromEntries(shown.filter(([, value]) => value !== undefined));
}

function vehicle(
  signals: Record<string, Reading['value']>,
  { isConnected = true, receivedMs = NOW - 1_000 }: { isConnected?: boolean; receivedMs?: number } = {},
) {
  const state = emptyState();
  for (const [name, value] of Object.entries(signals)) state.readings.set(name, reading(value, NOW - 1_000));
  state.connectivity = { isConnected, connectionId: 'c', networkInterface: '', timeMs: NOW - 2_000, entryId: '1-0' };
  return { state, receivedMs };
}

function reading(value: Reading['value'], timeMs: number): Reading {
  return { value, timeMs, entryId: `${timeMs}-0` };
}
