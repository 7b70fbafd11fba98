// Charging sessions as vehicles report them: counters that begin anywhere, restart, step back or never come. The truth is
// the energy that flowed into the pack.
import { describe, expect, it } from 'vitest';
import { type Signals, vehicleRecord } from '../test/vehicle-records.js';
import { advanceCharging, energyAdded } from './charging-session.js';
import { readingsToHash, stateFromHash } from './snapshot-hash.js';
import { CHARGING, emptyState, mergeRecord, type VehicleState } from './state.js';

const START_MS = 1_700_000_000_000;
const VOLTS = 380;

interface Plan {
  minutes?: number;
  kw?: number;
  /** What the vehicle sends at each step, beside the pack's values; `kwh` is what has flowed. */
  counters?: (kwh: number, step: number) => Signals;
  /** Replaces the pack's values. */
  pack?: (kw: number) => Signals;
  before?: Signals;
}

/** A session with a record every 10 s. */
function charge({ minutes = 60, kw = 10, counters = () => ({}), pack = packOf, before = {} }: Plan) {
  const state = emptyState();
  let atMs = START_MS;
  const send = (signals: Signals) => {
    const record = vehicleRecord(atMs, signals, `${atMs}-0`);
    mergeRecord(state, record);
    advanceCharging(state, record);
  };
  send({ DetailedChargeState: 'DetailedChargeStateDisconnected', Gear: 'P', ...before });
  atMs += 60_000;
  let kwh = 0;
  for (let step = 0; step < minutes * 6; step++) {
    send({ DetailedChargeState: 'DetailedChargeStateCharging', ...pack(kw), ...counters(kwh, step) });
    atMs += 10_000;
    kwh += kw / 360;
  }
  send({ DetailedChargeState: 'DetailedChargeStateComplete', ...pack(0), ...counters(kwh, minutes * 6) });
  return { state, kwh, added: energyAdded(state)! };
}

function packOf(kw: number): Signals {
  return { PackVoltage: VOLTS, PackCurrent: (kw * 1000) / VOLTS };
}

describe('the energy of a session', () => {
  it.each<[string, Plan, boolean]>([
    ['is that of the counter', { counters: (kwh) => ({ DCChargingEnergyIn: kwh }) }, false],
    [
      'is that of a counter that comes every five minutes',
      { counters: (kwh, step) => (step % 30 === 0 ? { DCChargingEnergyIn: kwh } : {}) },
      false,
    ],
    [
      'does not include what a counter had at the start',
      { counters: (kwh) => ({ DCChargingEnergyIn: kwh + 7 }) },
      false,
    ],
    [
      'continues over a restart of the counter',
      { counters: (kwh) => ({ DCChargingEnergyIn: kwh < 4 ? kwh : kwh - 4 }) },
      false,
    ],
    [
      'ignores small steps back',
      { counters: (kwh, step) => ({ DCChargingEnergyIn: kwh + (step % 2 === 0 ? 0 : -0.05) }) },
      false,
    ],
    [
      'is not that of the last session',
      { before: { DCChargingEnergyIn: 33 }, counters: (kwh) => ({ DCChargingEnergyIn: kwh }) },
      false,
    ],
    ['follows from the pack without a counter', {}, true],
    [
      'follows from the charger without a counter and the pack',
      { pack: (kw) => ({ ACChargingPower: kw / 0.92 }) },
      true,
    ],
    [
      'follows from the line without anything else',
      { pack: (kw) => ({ ChargerVoltage: 230, ChargerPhases: 3, ChargeAmps: kw / 0.92 / 0.69 }) },
      true,
    ],
    [
      'of a fast charger is that of the battery',
      {
        kw: 150,
        minutes: 20,
        counters: (kwh) => ({ FastChargerPresent: true, DCChargingEnergyIn: kwh, ACChargingEnergyIn: 3 }),
      },
      false,
    ],
    [
      'of a fast charger is not that of an AC counter',
      { kw: 150, minutes: 20, counters: () => ({ FastChargerPresent: true, ACChargingEnergyIn: 3 }) },
      true,
    ],
  ])('%s', (_, plan, isDerived) => {
    const { kwh, added } = charge(plan);
    expect(added.isDerived).toBe(isDerived);
    expect(added.kwh).toBeGreaterThan(kwh * 0.98);
    expect(added.kwh).toBeLessThan(kwh * 1.02);
  });

  it('is that of the charger when only its counter comes', () => {
    const { kwh, added } = charge({ counters: (now) => ({ ACChargingEnergyIn: now / 0.92 }) });
    expect(added).toEqual({ kwh: expect.closeTo(kwh / 0.92, 1), isDerived: false });
  });

  it('is the nominal voltage of a pack that sends its current alone, with the old states of the charger', () => {
    const pack = (kw: number): Signals => ({
      ChargeState: kw > 0 ? 'Enable' : 'Idle',
      PackVoltage: 360,
      PackCurrent: (kw * 1000) / 360,
    });
    const { kwh, added } = charge({ pack });
    expect(added.kwh).toBeGreaterThan(kwh * 0.95);
    expect(added.kwh).toBeLessThan(kwh * 1.05);
  });

  it('never falls during a session', () => {
    let last = 0;
    charge({
      counters: (kwh, step) => ({ DCChargingEnergyIn: Math.max(0, kwh + Math.sin(step) * 0.1 - (kwh > 5 ? 5 : 0)) }),
    });
    const state = emptyState();
    for (let step = 0; step < 100; step++) {
      const atMs = START_MS + step * 10_000;
      const record = vehicleRecord(
        atMs,
        { DetailedChargeState: 'Charging', DCChargingEnergyIn: 5 + Math.sin(step) * 0.1 },
        `${atMs}-0`,
      );
      mergeRecord(state, record);
      advanceCharging(state, record);
      const { kwh } = energyAdded(state)!;
      expect(kwh).toBeGreaterThanOrEqual(last);
      last = kwh;
    }
  });
});

it('is the counter itself for a session that began before the first record', () => {
  const state = emptyState();
  const record = vehicleRecord(START_MS, { DetailedChargeState: 'Charging', DCChargingEnergyIn: 12 }, '1-0');
  mergeRecord(state, record);
  expect(advanceCharging(state, record)).toBe(true);
  expect(energyAdded(state)).toEqual({ kwh: 12, isDerived: false });
});

it('counts a record once, and is the same from a snapshot in mid-session', () => {
  const states: VehicleState[] = [emptyState(), emptyState()];
  for (let step = 0; step < 60; step++) {
    const atMs = START_MS + step * 10_000;
    const record = vehicleRecord(
      atMs,
      { DetailedChargeState: 'Charging', ...packOf(10 + step / 10), DCChargingEnergyIn: step / 36 },
      `${atMs}-0`,
    );
    for (const [index, state] of states.entries()) {
      mergeRecord(state, record);
      advanceCharging(state, record);
      expect(advanceCharging(state, record)).toBe(false);
      if (index === 1 && step % 7 === 0) {
        states[1] = stateFromHash(readingsToHash(state, [...state.readings.keys(), CHARGING])).state;
      }
    }
  }
  expect(states[1]?.charging).toEqual(states[0]?.charging);
});

it.each(['[]', '[5]', '[{"upTo":"1-0"}]', '[{"upTo":"x","isCharging":true}]', '{}'])(
  'skips a corrupt session %s',
  (text) => {
    const { state, skipped } = stateFromHash({ [CHARGING]: text });
    expect(state.charging).toBeUndefined();
    expect(skipped).toEqual([CHARGING]);
  },
);
