import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { someRecords, stateAfter, stateWith } from '../test/vehicle-records.js';
import { ColumnsError, defaultColumns, formatFrame, isSameFrame, parseColumns, toFrameRow } from './frame.js';

const TESLAMATE = 'speed,odometer,soc,elevation,est_heading,est_lat,est_lng,power,shift_state,range,est_range,heading';
const driving = stateWith({
  VehicleSpeed: 30.6,
  Odometer: 12345.6,
  Soc: 81.2,
  GpsHeading: 359.9,
  Location: { latitude: 48.123456, longitude: -11.5 },
  PackVoltage: 380,
  PackCurrent: -50,
  Gear: 'D',
  RatedRange: 210.2,
  EstBatteryRange: 190.8,
});

describe('toFrameRow', () => {
  it.each<[string, Parameters<typeof stateWith>[0]]>([
    ['no location at all', { Gear: 'D', VehicleSpeed: 30 }],
    ['an invalid location', { Gear: 'D', Location: null }],
    ['a location without a fix', { Gear: 'P', Location: { latitude: 0, longitude: 0 } }],
    ['a location off the globe', { Gear: 'P', Location: { latitude: 91, longitude: 0 } }],
  ])('holds the frame with %s', (_, signals) => {
    expect(toFrameRow(stateWith(signals), 1_000)).toBeUndefined();
  });

  it('needs only a location, one of zero degrees included', () => {
    const row = toFrameRow(stateWith({ Location: { latitude: 0, longitude: 11 } }), 1_000);
    expect(row && formatFrame(row, defaultColumns)).toBe('1000,,,,,,0,11,0,,,,');
  });
});

it('reads texts in a second pair of quotes (firmware 2024.26.3)', () => {
  const state = stateWith({
    Location: { latitude: 49.85, longitude: 6.89 },
    Gear: '"R"',
    Odometer: '"81.906"',
    VehicleSpeed: '"3.1"',
    Soc: '"55"',
  });
  expect(toFrameRow(state, 1_000)?.values).toMatchObject({
    speed: '3',
    odometer: '81.906',
    soc: '55',
    shift_state: 'R',
  });
  const charging = stateWith({
    Location: '"(37.412374 N, 122.145867 W)"',
    Gear: '"ShiftStateP"',
    DetailedChargeState: '"DetailedChargeStateCharging"',
    ACChargingPower: '"7.2"',
    RatedRange: '"2.105e2"',
  });
  expect(toFrameRow(charging, 1_000)?.values).toMatchObject({
    est_lat: '37.412374',
    est_lng: '-122.145867',
    shift_state: '',
    power: '-7',
    range: '211',
  });
});

describe('formatFrame', () => {
  it("writes the columns of TeslaMate's subscription", () => {
    const row = toFrameRow(driving, 1_700_000_000_123)!;
    expect(formatFrame(row, parsed(TESLAMATE))).toBe('1700000000123,31,12345.6,81,,0,48.123456,-11.5,19,D,210,191,0');
  });

  it("follows a subscriber's own list, with unknown columns empty in their place", () => {
    const row = toFrameRow(driving, 5)!;
    expect(formatFrame(row, parsed('soc, constructor,,speed,soc'))).toBe('5,81,,,31,81');
  });
});

describe('parseColumns', () => {
  it('has the columns of TeslaMate as default', () => {
    expect(defaultColumns.join(',')).toBe(TESLAMATE);
  });

  it.each(['', '  '])('rejects a list without columns (%j)', (text) => {
    expect(parseColumns(text)).toMatchObject({ name: 'ColumnsError', columns: 0 });
  });

  it('rejects a list that is too long', () => {
    expect(parseColumns(Array(64).fill('soc').join(','))).toHaveLength(64);
    expect(parseColumns(Array(65).fill('soc').join(','))).toMatchObject({ name: 'ColumnsError', columns: 65 });
  });
});

it('detects frames that differ only in their time', () => {
  const row = toFrameRow(driving, 1)!;
  expect(isSameFrame(row, toFrameRow(driving, 2)!)).toBe(true);
  expect(isSameFrame(row, { timeMs: 1, values: { ...row.values, power: '20' } })).toBe(false);
});

describe("TeslaMate's parser", () => {
  it('parses every column of every frame, with a location and a plausible power', () => {
    let frames = 0;
    fc.assert(
      fc.property(someRecords(), fc.constantFrom(1_000, 61_000, 90_000), (records, atMs) => {
        const row = toFrameRow(stateAfter(...records), atMs);
        if (!row) return;
        frames += 1;
        const frame = parsedAsTeslaMate(formatFrame(row, parsed(TESLAMATE)));
        expect(frame.time).toBe(atMs);
        expect(Math.abs(frame.est_lat as number)).toBeLessThanOrEqual(90);
        expect(Math.abs(frame.est_lng as number)).toBeLessThanOrEqual(180);
        if (!['D', 'R', 'N'].includes(frame.shift_state as string)) expect(frame.power).not.toBeNull();
        if (frame.heading !== null) expect(frame.heading).toBeOneOf(Array.from({ length: 360 }, (_, degree) => degree));
      }),
      { numRuns: 2_000 },
    );
    expect(frames).toBeGreaterThan(100);
  });
});

function parsed(text: string): readonly string[] {
  const columns = parseColumns(text);
  if (columns instanceof ColumnsError) throw columns;
  return columns;
}

/** The client's rules: whole text must match the column's type; empty is nil; the time must be there. Stricter: no -0. */
function parsedAsTeslaMate(text: string): Record<string, number | string | null> {
  const names = `time,${TESLAMATE}`.split(',');
  const texts = text.split(',');
  expect(texts).toHaveLength(names.length);
  return Object.fromEntries(
    names.map((name, index) => {
      const value = texts[index]!;
      if (value === '' && name !== 'time') return [name, null];
      expect(value).not.toMatch(/^-0(\.0*)?$/);
      if (name === 'shift_state') {
        expect(value).toMatch(/^[PRND]$/);
        return [name, value];
      }
      const isFloat = name === 'odometer' || name === 'est_lat' || name === 'est_lng';
      expect(value).toMatch(isFloat ? /^-?\d+(\.\d+)?$/ : /^-?\d+$/);
      return [name, Number(value)];
    }),
  );
}
