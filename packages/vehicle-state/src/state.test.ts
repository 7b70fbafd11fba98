import { decodeRecord, encodeMessage } from '@fleetbridge/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { connectivityRecord, rawRecord, someRecords, stateAfter, vehicleRecord } from '../test/vehicle-records.js';
import { emptyState, mergeRecord, mergeStates, newestReadingMs, type VehicleRecord } from './state.js';

const here = { latitude: 48, longitude: 11 };
const there = { latitude: 49, longitude: 12 };

describe('mergeRecord', () => {
  it('keeps the reading of the newest record, in any order of arrival', () => {
    const state = stateAfter(vehicleRecord(2_000, { Soc: 70 }), vehicleRecord(1_000, { Soc: 71, Odometer: 5 }));
    expect(state.readings.get('Soc')).toEqual({ value: 70, timeMs: 2_000, entryId: '2000-0' });
    expect(state.readings.get('Odometer')?.value).toBe(5);
  });

  it('prefers the later entry among records of the same time, comparing ids as numbers', () => {
    const state = stateAfter(vehicleRecord(1, { Soc: 10 }, '10-0'), vehicleRecord(1, { Soc: 9 }, '9-0'));
    expect(state.readings.get('Soc')?.value).toBe(10);
    mergeRecord(state, vehicleRecord(1, { Soc: 11 }, '10-10'));
    mergeRecord(state, vehicleRecord(1, { Soc: 8 }, '10-9'));
    expect(state.readings.get('Soc')?.value).toBe(11);
  });

  it('returns the replaced names: also for a newer reading of the same value, not for a repeat or an old record', () => {
    const state = emptyState();
    const record = vehicleRecord(1_000, { Soc: 70, Gear: 'P' });
    expect(mergeRecord(state, record)).toEqual(['Soc', 'Gear']);
    expect(mergeRecord(state, record)).toEqual([]);
    expect(mergeRecord(state, vehicleRecord(2_000, { Soc: 70 }))).toEqual(['Soc']);
    expect(mergeRecord(state, vehicleRecord(1_500, { Soc: 69 }))).toEqual([]);
  });

  it('makes an invalid signal unknown', () => {
    const state = stateAfter(vehicleRecord(1, { Soc: 70 }), vehicleRecord(2, { Soc: null }));
    expect(state.readings.get('Soc')?.value).toBeNull();
  });

  it('uses the last value of a record that has a signal twice', () => {
    const record = rawRecord(
      1,
      [
        ['Soc', 1],
        ['Soc', 2],
      ],
      '1-0',
    );
    expect(stateAfter(record, record).readings.get('Soc')?.value).toBe(2);
  });

  it('treats numbers that are not finite as unknown, in locations too', () => {
    const state = stateAfter(
      vehicleRecord(1, {
        Soc: Number.NaN,
        Odometer: Number.POSITIVE_INFINITY,
        DestinationLocation: { latitude: Number.NaN, longitude: 1 },
        PackCurrent: -0,
      }),
    );
    expect([...state.readings].map(([name, { value }]) => [name, value])).toEqual([
      ['Soc', null],
      ['Odometer', null],
      ['DestinationLocation', null],
      ['PackCurrent', 0],
    ]);
  });

  it('ignores alerts and errors', () => {
    const state = emptyState();
    for (const topic of ['alerts', 'errors'] as const) {
      const decoded = decodeRecord(topic, encodeMessage(topic, { vin: 'x' }))!;
      expect(mergeRecord(state, { entryId: '1-0', timeMs: 1, decoded })).toEqual([]);
    }
    expect(state).toEqual(emptyState());
  });
});

describe('the held location', () => {
  it('is the last valid one, with its time, while the newest is invalid or out of range', () => {
    const good = vehicleRecord(1_000, { Location: here });
    for (const bad of [null, { latitude: 90.1, longitude: 0 }, { latitude: 0, longitude: -180.1 }]) {
      const state = stateAfter(good, vehicleRecord(2_000, { Location: bad }), vehicleRecord(3_000, { Location: bad }));
      expect(state.heldLocation).toEqual({ value: here, timeMs: 1_000, entryId: '1000-0' });
      expect(state.readings.get('Location')?.timeMs).toBe(3_000);
    }
  });

  it('is removed when a newer location is valid', () => {
    const state = stateAfter(
      vehicleRecord(1, { Location: here }),
      vehicleRecord(2, { Location: null }),
      vehicleRecord(3, { Location: there }),
    );
    expect(state.heldLocation).toBeUndefined();
    expect(state.readings.get('Location')?.value).toEqual(there);
  });

  it('is replaced by a newer valid location that arrives late, which returns Location', () => {
    const state = stateAfter(vehicleRecord(1, { Location: here }), vehicleRecord(9, { Location: null }));
    expect(mergeRecord(state, vehicleRecord(5, { Location: there }))).toEqual(['Location']);
    expect(mergeRecord(state, vehicleRecord(4, { Location: here }))).toEqual([]);
    expect(state.heldLocation).toMatchObject({ value: there, timeMs: 5 });
  });
});

describe('connectivity', () => {
  it('follows the newest entry of the log, not the time of the record', () => {
    const state = stateAfter(
      connectivityRecord('10-0', 'DISCONNECTED', 'a', 1_000),
      connectivityRecord('9-0', 'CONNECTED', 'a', 5_000),
    );
    expect(state.connectivity).toEqual({
      isConnected: false,
      connectionId: 'a',
      networkInterface: 'wifi',
      timeMs: 1_000,
      entryId: '10-0',
    });
  });

  it('returns @connectivity, but nothing for a repeat or an unknown status', () => {
    const state = emptyState();
    expect(mergeRecord(state, connectivityRecord('1-0', 'CONNECTED', 'a'))).toEqual(['@connectivity']);
    expect(mergeRecord(state, connectivityRecord('1-0', 'CONNECTED', 'a'))).toEqual([]);
    expect(mergeRecord(state, connectivityRecord('2-0', 'UNKNOWN', 'a'))).toEqual([]);
    expect(state.connectivity?.isConnected).toBe(true);
  });
});

describe('the state', () => {
  it('is the same for any order and any repetition of the same records', () => {
    fc.assert(
      fc.property(shuffledRepeats(), ([records, shuffled]) => {
        expect(stateAfter(...shuffled)).toEqual(stateAfter(...records));
      }),
      { numRuns: 500 },
    );
  });

  it('is the merge of the states of any two parts that cover the records, without changing the parts', () => {
    fc.assert(
      fc.property(shuffledRepeats(), fc.nat(), ([records, shuffled], cut) => {
        const at = cut % (shuffled.length + 1);
        const [a, b] = [stateAfter(...shuffled.slice(0, at)), stateAfter(...shuffled.slice(at))];
        const before = structuredClone([a, b]);
        expect(mergeStates(a, b)).toEqual(stateAfter(...records));
        expect(mergeStates(b, a)).toEqual(stateAfter(...records));
        expect([a, b]).toEqual(before);
      }),
      { numRuns: 500 },
    );
  });

  it('has the time of its newest reading', () => {
    expect(newestReadingMs(emptyState())).toBeUndefined();
    expect(newestReadingMs(stateAfter(vehicleRecord(9, { Soc: 1 }), vehicleRecord(5, { Gear: 'P' })))).toBe(9);
  });
});

function shuffledRepeats(): fc.Arbitrary<[VehicleRecord[], VehicleRecord[]]> {
  return someRecords().chain((records) => {
    const all = [...records, ...records];
    const shuffled = fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length });
    return fc.tuple(fc.constant(records), shuffled);
  });
}
