import { DetailedChargeState, Field, ShiftState, type Value } from '@fleetbridge/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { distanceBetweenM, type Place } from './route.js';
import { createSignalSchedule } from './signal-schedule.js';
import { defaultTelemetry } from './telemetry-config.js';
import { createVehicleModel, type PhasePlan, type VehicleModel } from './vehicle-model.js';
import { stepVehicleModel, WINDOW_MS } from './vehicle-step.js';

const START_MS = 1_760_000_000_000;
const plan: PhasePlan[] = [
  { phase: 'drive', seconds: 240 },
  { phase: 'park', seconds: 40 },
  { phase: 'charge', seconds: 120 },
  { phase: 'sleep', seconds: 60 },
];
const HOUR_WINDOWS = (3600 * 1000) / WINDOW_MS;

interface Sent {
  timeMs: number;
  field: number;
  value: Value;
}

function simulate(
  seed: number,
  windows: number,
  check: (model: VehicleModel, sent: Sent[]) => void = () => {},
): Sent[] {
  const model = createVehicleModel({ seed, startMs: START_MS, plan });
  const all: Sent[] = [];
  for (let window = 0; window < windows; window++) {
    const { timeMs, signals } = stepVehicleModel(model, WINDOW_MS);
    const sent = signals.map(({ key, value }) => ({ timeMs, field: key as number, value: value! }));
    all.push(...sent);
    check(model, sent);
  }
  return all;
}

function forAnySeed(check: (seed: number) => void): void {
  fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), check), { numRuns: 12 });
}

const numbers = (sent: Sent[], field: number) =>
  sent.filter((signal) => signal.field === field).map(({ value }) => value.doubleValue!);

describe('a simulated vehicle', () => {
  it('sends the same signals for the same seed, and others for another seed', () => {
    const once = JSON.stringify(simulate(7, 1000));
    expect(JSON.stringify(simulate(7, 1000))).toBe(once);
    expect(JSON.stringify(simulate(8, 1000))).not.toBe(once);
  });

  it('keeps every number within its range', () => {
    forAnySeed((seed) => {
      const sent = simulate(seed, HOUR_WINDOWS);
      for (const speed of numbers(sent, Field.VehicleSpeed)) expect(speed >= 0 && speed < 70).toBe(true);
      for (const heading of numbers(sent, Field.GpsHeading)) expect(heading >= 0 && heading < 360).toBe(true);
      for (const soc of numbers(sent, Field.Soc)) expect(soc >= 0 && soc <= 100).toBe(true);
      for (const volts of numbers(sent, Field.PackVoltage)) expect(volts > 250 && volts < 450).toBe(true);
      for (const { value } of sent) {
        if (value.doubleValue !== undefined) expect(Object.is(value.doubleValue, -0)).toBe(false);
      }
    });
  });

  it('never decreases the odometer, and increases it in a drive', () => {
    forAnySeed((seed) => {
      const miles = numbers(simulate(seed, HOUR_WINDOWS), Field.Odometer);
      for (const [index, value] of miles.entries()) expect(value).toBeGreaterThanOrEqual(miles[index - 1] ?? 0);
      expect(miles.at(-1)! - miles[0]!).toBeGreaterThan(3);
    });
  });

  it('moves no further between two locations than its speed allows', () => {
    forAnySeed((seed) => {
      let last: { place: Place; timeMs: number } | undefined;
      let fastestMps = 0;
      simulate(seed, HOUR_WINDOWS, (model, sent) => {
        fastestMps = Math.max(fastestMps, model.motion.speedMps + Math.abs(model.motion.accelerationMps2) / 2);
        for (const { field, value, timeMs } of sent) {
          if (field !== Field.Location) continue;
          const place = value.locationValue as Place;
          if (last !== undefined) {
            const seconds = (timeMs - last.timeMs) / 1000;
            expect(distanceBetweenM(last.place, place)).toBeLessThan(fastestMps * seconds + 0.5);
          }
          last = { place, timeMs };
          fastestMps = 0;
        }
      });
    });
  });

  it('has the heading of its movement', () => {
    let last: Place | undefined;
    let compared = 0;
    simulate(3, HOUR_WINDOWS / 12, (model) => {
      const { latitude, longitude } = model.route.placeAt(model.motion.alongM);
      const cornerNear = model.route.corners.some(
        ({ atM }) => Math.abs(atM - (model.motion.alongM % model.route.lengthM)) < 25,
      );
      if (last !== undefined && model.motion.gear === 'D' && model.motion.speedMps > 3 && !cornerNear) {
        const north = latitude - last.latitude;
        const east = (longitude - last.longitude) * Math.cos((latitude * Math.PI) / 180);
        const course = ((Math.atan2(east, north) * 180) / Math.PI + 360) % 360;
        const off = Math.abs(course - model.route.headingAt(model.motion.alongM));
        expect(Math.min(off, 360 - off)).toBeLessThan(2);
        compared++;
      }
      last = { latitude, longitude };
    });
    expect(compared).toBeGreaterThan(100);
  });

  it('has negative current while the pack discharges, positive in regeneration and charging', () => {
    forAnySeed((seed) => {
      let regenerated = 0;
      simulate(seed, HOUR_WINDOWS, (model) => {
        const { currentA } = model.pack;
        if (model.chargeState === 'Charging') expect(currentA).toBeGreaterThan(0);
        if (model.phase === 'park') expect(currentA > -1 && currentA < 0).toBe(true);
        if (model.motion.accelerationMps2 > 0) expect(currentA).toBeLessThan(0);
        if (model.phase === 'drive' && currentA > 0) {
          regenerated++;
          expect(model.motion.accelerationMps2).toBeLessThan(0);
        }
      });
      expect(regenerated).toBeGreaterThan(0);
    });
  });

  it('loses charge in a drive and gains it while charging', () => {
    forAnySeed((seed) => {
      const atChange: { phase: string; energyKwh: number }[] = [];
      simulate(seed, HOUR_WINDOWS, (model) => {
        if (atChange.at(-1)?.phase !== model.phase) atChange.push({ phase: model.phase, energyKwh: model.energyKwh });
      });
      for (const [index, { phase, energyKwh }] of atChange.entries()) {
        const next = atChange[index + 1];
        if (next !== undefined && phase === 'drive') expect(next.energyKwh).toBeLessThan(energyKwh);
        if (next !== undefined && phase === 'charge') expect(next.energyKwh).toBeGreaterThan(energyKwh);
      }
      expect(atChange.length).toBeGreaterThan(20);
    });
  });

  it('sends a signal at most once per interval, and only when it has changed', () => {
    const intervals = new Map(
      createSignalSchedule(defaultTelemetry).signals.map(({ field, intervalMs }) => [field, intervalMs]),
    );
    forAnySeed((seed) => {
      const last = new Map<number, Sent>();
      for (const signal of simulate(seed, HOUR_WINDOWS)) {
        const before = last.get(signal.field);
        if (before !== undefined) {
          expect(signal.timeMs - before.timeMs).toBeGreaterThanOrEqual(intervals.get(signal.field)!);
          expect(signal.value).not.toEqual(before.value);
        }
        last.set(signal.field, signal);
      }
    });
  });

  it('shifts P, R, D, P in each drive and moves in no other gear than R and D', () => {
    forAnySeed((seed) => {
      const gears = simulate(seed, HOUR_WINDOWS, (model) => {
        if (model.motion.gear === 'P') expect(model.motion.speedMps).toBe(0);
        if (model.phase !== 'drive') expect(model.motion.gear).toBe('P');
      })
        .filter(({ field }) => field === Field.Gear)
        .map(({ value }) => value.shiftStateValue);
      const { ShiftStateP, ShiftStateR, ShiftStateD } = ShiftState;
      for (const [index, gear] of gears.entries()) {
        expect(gear).toBe([ShiftStateP, ShiftStateR, ShiftStateD][index % 3]);
      }
      expect(gears.length).toBeGreaterThan(12);
    });
  });

  it('charges as Starting, Charging, Stopped, and Complete at the limit', () => {
    const names = (seconds: number, startKwhShare: number) => {
      const model = createVehicleModel({
        seed: 5,
        startMs: START_MS,
        plan: [
          { phase: 'charge', seconds },
          { phase: 'drive', seconds: 60 },
        ],
      });
      model.energyKwh = 75 * startKwhShare;
      const states: string[] = [];
      while (model.phase === 'charge') {
        for (const { key, value } of stepVehicleModel(model, WINDOW_MS).signals) {
          if (key === Field.DetailedChargeState) {
            states.push(
              DetailedChargeState[value!.detailedChargeStateValue as number]!.replace('DetailedChargeState', ''),
            );
          }
        }
      }
      return states;
    };
    expect(names(120, 0.5)).toEqual(['Starting', 'Charging', 'Stopped', 'Disconnected']);
    expect(names(300, 0.797)).toEqual(['Starting', 'Charging', 'Complete', 'Disconnected']);
  });

  it('sends nothing while asleep and little while parked', () => {
    const perPhase = new Map<string, number>();
    simulate(11, HOUR_WINDOWS, (model, sent) =>
      perPhase.set(model.phase, (perPhase.get(model.phase) ?? 0) + sent.length),
    );
    expect(perPhase.get('sleep')).toBe(0);
    expect(perPhase.get('park')!).toBeLessThan(perPhase.get('drive')! / 20);
  });

  it('does not strand: with an empty battery it stays parked until it has charged', () => {
    const model = createVehicleModel({ seed: 5, startMs: START_MS, plan });
    model.energyKwh = 1;
    let strandedWindows = 0;
    let drivesAfterCharge = 0;
    for (let window = 0; window < 6 * HOUR_WINDOWS; window++) {
      stepVehicleModel(model, WINDOW_MS);
      if (model.energyKwh === 0 && model.motion.speedMps > 0) strandedWindows++;
      if (model.phase === 'drive' && model.energyKwh > 10) drivesAfterCharge++;
    }
    expect(strandedWindows).toBe(0);
    expect(drivesAfterCharge).toBeGreaterThan(0);
  });

  it('rejects a plan without phases or without duration', () => {
    expect(() => createVehicleModel({ seed: 1, startMs: START_MS, plan: [] })).toThrow(RangeError);
    expect(() => createVehicleModel({ seed: 1, startMs: START_MS, plan: [{ phase: 'park', seconds: 0 }] })).toThrow(
      RangeError,
    );
  });
});
