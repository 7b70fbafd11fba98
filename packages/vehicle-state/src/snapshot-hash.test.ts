import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { connectivityRecord, someRecords, stateAfter, vehicleRecord } from '../test/vehicle-records.js';
import { allReadings, readingsToHash, stateFromHash } from './snapshot-hash.js';
import { emptyState, mergeRecord } from './state.js';

const reading = '[1000,"1000-0",70]';

describe('readingsToHash', () => {
  it('writes a reading as time, entry and value, with the held location beside an invalid one', () => {
    const state = stateAfter(
      vehicleRecord(1_000, { Soc: 70, Location: { latitude: 48, longitude: 11 } }),
      vehicleRecord(2_000, { Location: null }),
      connectivityRecord('3-0', 'CONNECTED', 'a', 900),
    );
    expect(readingsToHash(state, allReadings(state))).toEqual({
      Soc: reading,
      Location: '[2000,"2000-0",null,[1000,"1000-0",{"latitude":48,"longitude":11}]]',
      '@connectivity': '[900,"3-0",true,"a","wifi"]',
    });
  });

  it('writes only the requested names, and of these only known ones', () => {
    const state = stateAfter(vehicleRecord(1_000, { Soc: 70, Gear: 'P' }));
    expect(readingsToHash(state, ['Soc', 'Odometer', '@connectivity'])).toEqual({ Soc: reading });
  });
});

describe('stateFromHash', () => {
  it('restores any state', () => {
    fc.assert(
      fc.property(someRecords(), (records) => {
        const state = stateAfter(...records);
        expect(stateFromHash(readingsToHash(state, allReadings(state)))).toEqual({ state, skipped: [] });
      }),
      { numRuns: 500 },
    );
  });

  it('restores the state if each record wrote only its changes', () => {
    fc.assert(
      fc.property(someRecords(), (records) => {
        const state = emptyState();
        const hash: Record<string, string> = {};
        for (const record of records) Object.assign(hash, readingsToHash(state, mergeRecord(state, record)));
        expect(stateFromHash(hash).state).toEqual(state);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['Soc', 'not json'],
    ['Soc', '{}'],
    ['Soc', '[1000,"1000-0"]'],
    ['Soc', '["1000","1000-0",70]'],
    ['Soc', '[1.5,"1000-0",70]'],
    ['Soc', '[1e17,"1000-0",70]'],
    ['Soc', '[1000,"1000",70]'],
    ['Soc', '[1000,"1000-0",[70]]'],
    ['Soc', '[1000,"1000-0",1e999]'],
    ['Soc', '[1000,"1000-0",{"a":"text"}]'],
    ['Soc', '[1000,"1000-0",null,[1000,"1000-0",70]]'],
    ['Location', '[1000,"1000-0",null,[1000,"1000-0"]]'],
    ['Location', '[1000,"1000-0",null,[900,"900-0",{"latitude":1,"longitude":2}],1]'],
    ['@connectivity', '[900,"3-0","yes","a","wifi"]'],
    ['@connectivity', '[900,"3-0",true,"a"]'],
    ['@other', reading],
    ['', reading],
  ])('skips and names the field %s with %s, and keeps the others', (name, text) => {
    const { state, skipped } = stateFromHash({ Gear: '[1000,"1000-0","P"]', [name]: text });
    expect(skipped).toEqual([name]);
    expect(state).toEqual(stateAfter(vehicleRecord(1_000, { Gear: 'P' })));
  });

  it('never throws, for any text', () => {
    const anyField = fc.oneof(
      fc.string(),
      fc.json(),
      fc.array(fc.jsonValue()).map((field) => JSON.stringify(field)),
    );
    const anyName = fc.oneof(fc.string(), fc.constantFrom('Soc', 'Location', '@connectivity'));
    fc.assert(
      fc.property(fc.dictionary(anyName, anyField), (hash) => {
        const { state, skipped } = stateFromHash(hash);
        expect(allReadings(state).length + skipped.length).toBe(Object.keys(hash).length);
      }),
    );
  });
});
