import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stateAfter, vehicleRecord } from '../test/vehicle-records.js';
import { KM_PER_MILE, odometerUnit } from './odometer.js';
import { allReadings, readingsToHash, stateFromHash } from './snapshot-hash.js';
import { emptyState, mergeRecord, mergeStates } from './state.js';

const HOUR_MS = 3_600_000;
const at = (hours: number, Odometer: number | string | null) => vehicleRecord(hours * HOUR_MS, { Odometer });

describe('odometerUnit', () => {
  it.each<[string, [hours: number, value: number | string | null][], string]>([
    ['one reading', [[0, 30492.6]], 'mi'],
    [
      'a drive',
      [
        [0, 100],
        [1, 160],
      ],
      'mi',
    ],
    [
      'a drive by the factor without records',
      [
        [0, 100],
        [2, 160.9],
      ],
      'mi',
    ],
    [
      'years without records',
      [
        [0, 18947.1],
        [20_000, 30492.6],
      ],
      'mi',
    ],
    [
      'a jump to kilometres',
      [
        [0, 18947.1],
        [0.01, 30492.6],
      ],
      'km',
    ],
    [
      'a jump at a small value',
      [
        [0, 62.1],
        [0.01, 100],
      ],
      'km',
    ],
    [
      'a jump overnight',
      [
        [0, 18947.1],
        [12, 30492.6],
      ],
      'km',
    ],
    [
      'a jump by another factor',
      [
        [0, 18947.1],
        [0.01, 31_000],
      ],
      'mi',
    ],
    [
      'a jump in quoted texts',
      [
        [0, '"18947.1"'],
        [0.01, '"30492.6"'],
      ],
      'km',
    ],
    [
      'an invalid reading between',
      [
        [0, 18947.1],
        [0.01, null],
        [0.02, 30492.6],
      ],
      'km',
    ],
    [
      'kilometres for a long time',
      [
        [0, 18947.1],
        [0.01, 30492.6],
        [9_000, 50_000],
      ],
      'km',
    ],
    [
      'a fall',
      [
        [0, 30492.6],
        [0.01, 18947.1],
      ],
      'mi',
    ],
    [
      'back in miles',
      [
        [0, 18947.1],
        [0.01, 30492.6],
        [0.02, 18947.5],
      ],
      'mi',
    ],
    [
      'back in miles much later',
      [
        [0, 18947.1],
        [0.01, 30492.6],
        [0.02, 18947.5],
        [5_000, 23_000],
      ],
      'mi',
    ],
    [
      'to kilometres again',
      [
        [0, 18947.1],
        [1, 30492.6],
        [2, 18948],
        [3, 30494.5],
      ],
      'km',
    ],
    [
      'to kilometres again, much later',
      [
        [0, 18947.1],
        [1, 30492.6],
        [2, 18948],
        [3, 30494.5],
        [900, 33_000],
      ],
      'km',
    ],
    [
      'zero and nonsense',
      [
        [0, 0],
        [1, -5],
        [2, 1e200],
        [3, 'x'],
      ],
      'mi',
    ],
  ])('after %s: %j is %s', (_, readings, unit) => {
    expect(odometerUnit(stateAfter(...readings.map(([hours, value]) => at(hours, value))).odometerMarks)).toBe(unit);
  });

  it('follows a vehicle that changes its unit at any time, in a state that is merged in any order and stored', () => {
    const driven = fc.array(fc.record({ miles: fc.double({ min: 0.1, max: 40, noNaN: true }), isKm: fc.boolean() }), {
      minLength: 1,
      maxLength: 40,
    });
    fc.assert(
      fc.property(
        fc.double({ min: 200, max: 100_000, noNaN: true }),
        driven,
        fc.infiniteStream(fc.nat()),
        (start, steps, order) => {
          let miles = start;
          const records = [at(0, start)];
          const units = steps.map(({ isKm, miles: step }, index) => {
            // a change is seen at once, so within a short time and distance
            miles += isKm === (steps[index - 1]?.isKm ?? false) ? step : 0.1;
            records.push(at(index + 1, isKm ? miles * KM_PER_MILE : miles));
            return isKm ? 'km' : 'mi';
          });
          const state = emptyState();
          mergeRecord(state, records[0]!);
          for (const [index, record] of records.slice(1).entries()) {
            mergeRecord(state, record);
            expect(odometerUnit(state.odometerMarks)).toBe(units[index]);
          }
          const shuffled = records.map((record) => ({ record, key: order.next().value })).sort((a, b) => a.key - b.key);
          const cut = shuffled.length >> 1;
          const [a, b] = [shuffled.slice(0, cut), shuffled.slice(cut)].map((part) =>
            stateAfter(...part.map(({ record }) => record)),
          );
          expect(mergeStates(a!, b!)).toEqual(state);
          expect(stateFromHash(readingsToHash(state, allReadings(state))).state).toEqual(state);
        },
      ),
    );
  });

  it('stores nothing more while the odometer only grows a little', () => {
    const state = stateAfter(at(0, 18947.1), at(1, 18950));
    expect(mergeRecord(state, at(2, 18960))).toEqual(['Odometer']);
    expect(mergeRecord(state, at(3, 30515))).toEqual(['Odometer', '@odometer']);
  });
});
