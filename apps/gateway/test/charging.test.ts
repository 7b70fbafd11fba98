// Full charging sessions of the simulated car, polled as TeslaMate does and compared with the car's own battery, not with
// what it sent.
import {
  type ChargerOptions,
  createVehicleModel,
  defaultTelemetry,
  type SignalName,
  stepVehicleModel,
  type TelemetryConfig,
  type VehicleModel,
  withoutSignals,
} from '@fleetbridge/simulator';
import { TeslaMatePoller } from '@fleetbridge/testing';
import { describe, expect } from 'vitest';
import { it, type Rig } from './gateway-rig.js';

const counters: SignalName[] = ['ACChargingEnergyIn', 'DCChargingEnergyIn'];
const atBattery: SignalName = 'DCChargingEnergyIn';
/** Counters and power as a configuration asks for them that saves money. */
const telemetry: TelemetryConfig = {
  fields: {
    ...defaultTelemetry.fields,
    ACChargingEnergyIn: { interval_seconds: 30, minimum_delta: 0.1 },
    DCChargingEnergyIn: { interval_seconds: 30, minimum_delta: 0.1 },
    ACChargingPower: { interval_seconds: 10, minimum_delta: 0.1 },
    DCChargingPower: { interval_seconds: 10, minimum_delta: 0.1 },
    ChargerVoltage: { interval_seconds: 10, minimum_delta: 0.3 },
  },
};

interface Row {
  powerKw: number;
  voltage: number;
  amperes: number;
  phases: number | null;
  energyKwh: number;
  /** What the car's own model had in the 30 s before; a signal is as old as its interval. */
  truths: Truth[];
  /** What the battery had gained when the newest record was sent, which is the document's time. */
  batteryKwh: number;
}

interface Truth {
  chargerKw: number;
  volts: number;
  /** What the battery gained in the session. */
  batteryKwh: number;
}

interface Session {
  /** One per poll, from the start of the charge to its last moment. */
  rows: Row[];
  /** After it is complete. */
  addedKwh: number;
  batteryKwh: number;
}

/** From plugging in until the battery is charged to its limit. */
async function charge(rig: Rig, charger: ChargerOptions, { fields }: TelemetryConfig = telemetry): Promise<Session> {
  const model = createVehicleModel({
    seed: 7,
    startMs: rig.clock.nowMs,
    plan: [
      { phase: 'park', seconds: 30 },
      { phase: 'charge', seconds: 7_200 },
    ],
    telemetry: { fields },
    charger,
  });
  model.energyKwh = charger.kind === 'dc' ? 47 : 55.5;
  const startKwh = model.energyKwh;
  const poller = new TeslaMatePoller({
    now: () => rig.clock.nowMs,
    data: () => rig.data(),
    vehicle: () => rig.one(),
  });
  const rows: Row[] = [];
  const truths: Truth[] = [];
  // TeslaMate polls the more often the higher the power is
  const pollMs = charger.kind === 'dc' ? 6_000 : 17_000;
  let nextPollMs = rig.clock.nowMs + 5_000;
  let completeSeconds = 0;
  let sentKwh = 0;
  let beginsWithKwh = startKwh;
  await rig.vehicle().connect();
  while (completeSeconds < 60) {
    const { timeMs, signals } = stepVehicleModel(model, 1_000);
    rig.clock.nowMs = timeMs;
    if (signals.length > 0) await rig.vehicle().sendData(signals);
    const isCharging = model.chargeState === 'Charging';
    // a parked car consumes something until the charge begins
    if (!isCharging && truths.length === 0) beginsWithKwh = model.energyKwh;
    if (isCharging) truths.push(truthOf(model, beginsWithKwh));
    if (signals.length > 0) sentKwh = truths.at(-1)?.batteryKwh ?? 0;
    if (model.chargeState === 'Complete') completeSeconds++;
    if (timeMs < nextPollMs) continue;
    nextPollMs = timeMs + pollMs;
    await poller.poll();
    const row = poller.charges[0]?.at(-1);
    if (row && isCharging && truths.length > 30) {
      rows.push({ ...row, truths: truths.slice(-30), batteryKwh: sentKwh });
    }
  }
  expect(poller.charges).toHaveLength(1);
  const { charge_state: state } = (await rig.data()).body.response;
  expect(state.charging_state).toBe('Complete');
  return { rows, addedKwh: state.charge_energy_added, batteryKwh: truths.at(-1)!.batteryKwh };
}

function truthOf({ chargerPowerKw, charger, timeMs, energyKwh }: VehicleModel, beginsWithKwh: number): Truth {
  return {
    chargerKw: chargerPowerKw,
    volts: charger.kind === 'ac' ? 230 + 1.5 * Math.sin(timeMs / 40_000) : 2,
    batteryKwh: energyKwh - beginsWithKwh,
  };
}

/** Each row is within `percent` of the car's own model; a field of whole numbers within half of one more. */
function expectWithin(percent: number, { rows, addedKwh, batteryKwh }: Session, charger: ChargerOptions): void {
  expect(batteryKwh).toBeGreaterThan(4);
  expect(differenceOf(addedKwh, batteryKwh)).toBeLessThan(percent);
  expect(rows.length).toBeGreaterThan(60);
  for (const { powerKw, voltage, amperes, phases, energyKwh, truths, batteryKwh: kwh } of rows) {
    const powers = truths.map(({ chargerKw }) => chargerKw);
    // the current of the pack comes every two seconds
    const sampleKwh = (Math.max(...powers) * 2) / 3600;
    expect(Math.abs(energyKwh - kwh)).toBeLessThan((kwh * percent) / 100 + sampleKwh);
    expect(distance(powerKw, powers)).toBeLessThan((powers.at(-1)! * percent) / 100 + 0.5);
    const volts = truths.map((truth) => truth.volts);
    expect(distance(voltage, volts)).toBeLessThan((volts.at(-1)! * percent) / 100 + 0.5);
    expect([phases, amperes]).toEqual(charger.kind === 'dc' ? [null, 0] : [charger.phases ?? 3, charger.amps ?? 16]);
  }
  const energy = rows.map(({ energyKwh }) => energyKwh);
  expect(energy).toEqual([...energy].sort((a, b) => a - b));
}

/** From the range of the values. */
function distance(value: number, values: number[]): number {
  return Math.max(0, Math.min(...values) - value, value - Math.max(...values));
}

/** All of them take 20 s on a busy machine. */
const isLong = process.env.TEST_LONG !== undefined;
if (!isLong) console.log('4 of 12 charging sessions; all of them with npm run test:long');
const some = <Case extends [string, ...unknown[]]>(cases: Case[], short: string[]) =>
  cases.filter(([name]) => isLong || short.includes(name));

/** In percent of the expected value. */
const differenceOf = (value: number, expected: number) => (Math.abs(value - expected) / expected) * 100;

describe('a full session', () => {
  it.for(
    some<[string, ChargerOptions]>(
      [
        ['at three phases', { kind: 'ac' }],
        ['at one phase', { kind: 'ac', phases: 1, amps: 32 }],
        ['at a fast charger', { kind: 'dc' }],
        ['at a fast charger, with counters above 0', { kind: 'dc', countersBeginAtKwh: 12 }],
        ['with counters above 0', { kind: 'ac', countersBeginAtKwh: 7.3 }],
        ['with counters that restart in it', { kind: 'ac', countersRestartAtKwh: 1.7 }],
        ['with a value that jitters', { kind: 'ac', jitters: true }],
        [
          'at a fast charger that jitters',
          { kind: 'dc', jitters: true, countersBeginAtKwh: 3, countersRestartAtKwh: 8 },
        ],
      ],
      ['with counters that restart in it', 'at a fast charger that jitters'],
    ),
  )('%s is within 2 percent of what its battery gained', async ([, charger], { startRig }) => {
    expectWithin(2, await charge(await startRig(), charger), charger);
  });

  it.for(
    some<[string, ChargerOptions, SignalName[]]>(
      [
        ['no counter', { kind: 'ac' }, counters],
        ['no counter, at a fast charger', { kind: 'dc' }, counters],
        ['no counter and no power', { kind: 'ac', jitters: true }, [...counters, 'ACChargingPower', 'DCChargingPower']],
      ],
      ['no counter'],
    ),
  )('with %s is within 5 percent', async ([, charger, withheld], { startRig }) => {
    const session = await charge(await startRig(), charger, withoutSignals(telemetry, withheld));
    expectWithin(5, session, charger);
  });

  it('with the counter of the wallbox alone shows what the wallbox gave', async ({ startRig }) => {
    const session = await charge(await startRig(), { kind: 'ac' }, withoutSignals(telemetry, [atBattery]));
    expect(differenceOf(session.addedKwh, session.batteryKwh / 0.92)).toBeLessThan(2);
  });
});
