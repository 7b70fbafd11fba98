import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { connectivityRecord, someRecords, stateAfter, vehicleRecord } from '../test/vehicle-records.js';
import { type FrameRow, isSameFrame } from './frame.js';
import { FrameSequence } from './frame-sequence.js';
import { emptyState, mergeRecord, type VehicleRecord } from './state.js';

const start = vehicleRecord(1_000, { Location: { latitude: 48, longitude: 11 }, Gear: 'D', VehicleSpeed: 30 });

function framesOf(records: VehicleRecord[], sequence = new FrameSequence()): (FrameRow | undefined)[] {
  const state = emptyState();
  return records.map((record) => {
    mergeRecord(state, record);
    return sequence.next(state, record);
  });
}

function timesOf(records: VehicleRecord[]): (number | undefined)[] {
  return framesOf(records).map((row) => row?.timeMs);
}

describe('FrameSequence', () => {
  it('returns one frame per record that changes a column', () => {
    const faster = vehicleRecord(2_000, { VehicleSpeed: 31, GpsHeading: 90 });
    expect(framesOf([start, faster])).toMatchObject([
      { timeMs: 1_000, values: { speed: '30', heading: '' } },
      { timeMs: 2_000, values: { speed: '31', heading: '90' } },
    ]);
  });

  it('returns no frame if no column changed: same values, less than a unit, signals without a column', () => {
    const same = vehicleRecord(2_000, { VehicleSpeed: 30 });
    const little = vehicleRecord(3_000, { VehicleSpeed: 30.4 });
    const other = vehicleRecord(4_000, { InsideTemp: 21 });
    expect(timesOf([start, same, little, other])).toEqual([1_000, undefined, undefined, undefined]);
  });

  it('returns no frame for other topics', () => {
    const connected = connectivityRecord('5-0', 'CONNECTED', 'a', 2_000);
    expect(new FrameSequence().next(stateAfter(start, connected), connected)).toBeUndefined();
  });

  it('holds frames until a location is known', () => {
    const gear = vehicleRecord(500, { Gear: 'D' });
    const unlocated = vehicleRecord(800, { VehicleSpeed: 12 });
    expect(timesOf([gear, unlocated, start])).toEqual([undefined, undefined, 1_000]);
  });

  it('uses the last location in a tunnel for 60 s, then holds frames until the next valid one', () => {
    const lost = vehicleRecord(2_000, { Location: null, VehicleSpeed: 40 });
    const later = vehicleRecord(61_000, { VehicleSpeed: 50 });
    const tooLate = vehicleRecord(61_001, { VehicleSpeed: 60 });
    const out = vehicleRecord(70_000, { Location: { latitude: 49, longitude: 12 } });
    expect(timesOf([start, lost, later, tooLate, out])).toEqual([1_000, 2_000, 61_000, undefined, 70_000]);
  });

  it('stays at the last good location while the vehicle has no fix', () => {
    const at = (timeMs: number, VehicleSpeed: number, Location: object) =>
      vehicleRecord(timeMs, { VehicleSpeed, Location: { locationValue: Location } as never });
    const records = [
      vehicleRecord(1_000, {
        Location: { latitude: 48.1, longitude: 11.5 },
        Gear: { shiftStateValue: 5 },
        VehicleSpeed: 30,
      }),
      at(2_000, 31, { latitude: 0, longitude: 0 }),
      at(3_000, 32, {}),
      at(4_000, 33, { latitude: 200, longitude: 500 }),
    ];
    const places = framesOf(records).map((row) => [row?.values.speed, row?.values.est_lat, row?.values.est_lng]);
    expect(places).toEqual(['30', '31', '32', '33'].map((speed) => [speed, '48.1', '11.5']));
  });

  it('keeps the odometer in miles when the vehicle changes to kilometres and back', () => {
    const first = { Location: { latitude: 48.1, longitude: 11.5 }, Gear: 'D', Odometer: 18947.1 };
    const records = [
      vehicleRecord(1_000, first),
      vehicleRecord(11_000, { Odometer: 30492.6, SettingDistanceUnit: { distanceUnitValue: 2 } }),
      vehicleRecord(21_000, { Odometer: 30493.9 }),
      vehicleRecord(31_000, { Odometer: 18948.3 }),
    ];
    expect(framesOf(records).map((row) => row?.values.odometer)).toEqual(['18947.1', '18947.2', '18948', '18948.3']);
  });

  it('returns no frame for a record older than the last frame, but shows its changes in the next one', () => {
    const late = vehicleRecord(999, { Odometer: 5, VehicleSpeed: 99 });
    const next = vehicleRecord(1_500, { VehicleSpeed: 31 });
    const frames = framesOf([start, late, next]);
    expect(frames.map((row) => row?.timeMs)).toEqual([1_000, undefined, 1_500]);
    expect(frames[2]?.values).toMatchObject({ odometer: '5', speed: '31' });
  });

  it('allows several frames with the same time', () => {
    const twin = vehicleRecord(1_000, { VehicleSpeed: 31 }, '1000-1');
    expect(timesOf([start, twin])).toEqual([1_000, 1_000]);
  });

  it('continues after the frame that it is created with', () => {
    const [first] = framesOf([start]);
    const sequence = new FrameSequence(first);
    const older = vehicleRecord(999, { VehicleSpeed: 20 });
    expect(framesOf([older, start], sequence)).toEqual([undefined, undefined]);
    expect(sequence.last).toBe(first);
  });

  it('never goes back in time and never repeats a frame, for any order of records', () => {
    let pairs = 0;
    const shuffled = someRecords(30).chain((records) =>
      fc.shuffledSubarray([...records, ...records], { minLength: records.length * 2 }),
    );
    fc.assert(
      fc.property(shuffled, (records) => {
        const frames = framesOf([start, ...records]).filter((row) => row !== undefined);
        for (const [index, row] of frames.slice(1).entries()) {
          const before = frames[index]!;
          pairs += 1;
          expect(row.timeMs).toBeGreaterThanOrEqual(before.timeMs);
          expect(isSameFrame(row, before)).toBe(false);
        }
      }),
      { numRuns: 500 },
    );
    expect(pairs).toBeGreaterThan(100);
  });
});
