import { Field, type Value } from '@fleetbridge/protocol';
import { describe, expect, it } from 'vitest';
import { createSignalSchedule, dueSignals, markSent, type SentSignal } from './signal-schedule.js';
import type { TelemetryField } from './telemetry-config.js';
import { withoutSignals } from './telemetry-config.js';

type Values = Record<string, Value>;

/** `at(second, values)` returns the names of the signals that are sent then. */
function vehicleWith(fields: Record<string, TelemetryField>) {
  const schedule = createSignalSchedule({ fields });
  const sent = new Map<number, SentSignal>();
  return {
    schedule,
    at(second: number, values: Values): string[] {
      const timeMs = second * 1_000;
      const due = dueSignals(schedule, { timeMs, sent, read: (name) => values[name] });
      markSent(sent, timeMs, due);
      return due.map(({ key }) => Field[key as number]!);
    },
  };
}

const number = (doubleValue: number): Value => ({ doubleValue });
const place = (latitude: number): Value => ({ locationValue: { latitude, longitude: 11 } });

describe('a telemetry configuration', () => {
  it('sends a signal at first, then when it has changed and its interval has passed', () => {
    const vehicle = vehicleWith({ Soc: { interval_seconds: 10 } });
    expect(vehicle.at(0, { Soc: number(50) })).toEqual(['Soc']);
    expect(vehicle.at(9, { Soc: number(49) })).toEqual([]);
    expect(vehicle.at(10, { Soc: number(49) })).toEqual(['Soc']);
    expect(vehicle.at(60, { Soc: number(49) })).toEqual([]);
    expect(vehicle.at(61, { Soc: number(49.0001) })).toEqual(['Soc']);
  });

  it('ignores changes below minimum_delta, measured from what was sent last', () => {
    const vehicle = vehicleWith({ ChargerVoltage: { interval_seconds: 1, minimum_delta: 0.3 } });
    const sent = [230, 230.2, 230.29, 230.3, 230.1, 230].map((volts, second) =>
      vehicle.at(second, { ChargerVoltage: number(volts) }),
    );
    expect(sent.map(({ length }) => length)).toEqual([1, 0, 0, 1, 0, 1]);
  });

  it('measures the minimum_delta of Location in metres', () => {
    const vehicle = vehicleWith({ Location: { interval_seconds: 1, minimum_delta: 20 } });
    expect(vehicle.at(0, { Location: place(48) })).toEqual(['Location']);
    expect(vehicle.at(1, { Location: place(48.0001) })).toEqual([]);
    expect(vehicle.at(2, { Location: place(48.0002) })).toEqual(['Location']);
  });

  it('does not apply minimum_delta to other values', () => {
    const vehicle = vehicleWith({ Locked: { interval_seconds: 1, minimum_delta: 5 } });
    expect(vehicle.at(0, { Locked: { booleanValue: true } })).toEqual(['Locked']);
    expect(vehicle.at(1, { Locked: { booleanValue: false } })).toEqual(['Locked']);
  });

  it('sends a value again after resend_interval_seconds', () => {
    const vehicle = vehicleWith({ Gear: { interval_seconds: 1, resend_interval_seconds: 300 } });
    const parked = { Gear: { shiftStateValue: 2 } };
    expect(vehicle.at(0, parked)).toEqual(['Gear']);
    expect(vehicle.at(299, parked)).toEqual([]);
    expect(vehicle.at(300, parked)).toEqual(['Gear']);
  });

  it('adds included signals to each record, changed or not, each once', () => {
    const vehicle = vehicleWith({
      Location: { interval_seconds: 1, include_fields: ['VehicleSpeed', 'Odometer'] },
      VehicleSpeed: { interval_seconds: 1 },
    });
    const values = { VehicleSpeed: number(30), Odometer: number(7) };
    expect(vehicle.at(0, { ...values, Location: place(48) })).toEqual(['Location', 'VehicleSpeed', 'Odometer']);
    expect(vehicle.at(1, { ...values, Location: place(49) })).toEqual(['Location', 'VehicleSpeed', 'Odometer']);
    expect(vehicle.at(2, { ...values, Location: place(49) })).toEqual([]);
  });

  it('ignores names that the protocol lacks and signals that the vehicle lacks', () => {
    const vehicle = vehicleWith({ Teleporter: { interval_seconds: 1 }, Soc: { interval_seconds: 1 } });
    expect(vehicle.schedule.unknownNames).toEqual(['Teleporter']);
    expect(vehicle.at(0, {})).toEqual([]);
  });

  it.each<TelemetryField>([
    { interval_seconds: 0 },
    { interval_seconds: Number.NaN },
    { interval_seconds: 1, minimum_delta: -1 },
    { interval_seconds: 1, resend_interval_seconds: -1 },
  ])('rejects %j', (field) => {
    expect(() => createSignalSchedule({ fields: { Soc: field } })).toThrow(RangeError);
  });

  it('can leave signals out', () => {
    const fields = { Soc: { interval_seconds: 1 }, Gear: { interval_seconds: 1 } };
    expect(withoutSignals({ fields }, ['Soc'])).toEqual({ fields: { Gear: { interval_seconds: 1 } } });
  });
});
