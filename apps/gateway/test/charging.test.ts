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

interface Session {
  /** Of the car, at each poll while it charges. */
  truth: { chargerKw: number; volts: number }[];
  rows: TeslaMatePoller['charges'][number];
  /** What its battery gained. */
  batteryKwh: number;
}

async function charge(rig: Rig, charger: ChargerOptions, { fields }: TelemetryConfig = telemetry): Promise<Session> {
  const model = createVehicleModel({
    seed: 7,
    startMs: rig.clock.nowMs,
    plan: [
      { phase: 'park', seconds: 30 },
      { phase: 'charge', seconds: charger.kind === 'dc' ? 900 : 1_800 },
      { phase: 'park', seconds: 600 },
    ],
    telemetry: { fields },
    charger,
  });
  const poller = new TeslaMatePoller({
    now: () => rig.clock.nowMs,
    data: () => rig.data(),
    vehicle: () => rig.one(),
  });
  const truth: Session['truth'] = [];
  let nextPollMs = rig.clock.nowMs + 5_000;
  let beginsWithKwh = 0;
  let endsWithKwh = 0;
  await rig.vehicle().connect();
  while (!(model.phase === 'park' && model.planIndex === 2 && model.phaseSeconds > 60)) {
    if (model.chargeState !== 'Charging' && truth.length === 0) beginsWithKwh = model.energyKwh;
    const { timeMs, signals } = stepVehicleModel(model, 1_000);
    rig.clock.nowMs = timeMs;
    if (signals.length > 0) await rig.vehicle().sendData(signals);
    if (model.chargeState === 'Charging') endsWithKwh = model.energyKwh;
    if (timeMs < nextPollMs) continue;
    await poller.poll();
    nextPollMs = timeMs + poller.intervalSeconds * 1_000;
    if (poller.state === 'charging' && model.chargeState === 'Charging') truth.push(truthOf(model));
  }
  expect(poller.charges).toHaveLength(1);
  return { truth, rows: poller.charges[0]!, batteryKwh: endsWithKwh - beginsWithKwh };
}

function truthOf({ chargerPowerKw, charger, timeMs }: VehicleModel) {
  return { chargerKw: chargerPowerKw, volts: charger.kind === 'ac' ? 230 + 1.5 * Math.sin(timeMs / 40_000) : 2 };
}

/** All of them take 20 s on a busy machine. */
const isLong = process.env.TEST_LONG !== undefined;
const some = <Case extends [string, ...unknown[]]>(cases: Case[], short: string[]) =>
  cases.filter(([name]) => isLong || short.includes(name));

const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
/** In percent of the expected value. */
const differenceOf = (value: number, expected: number) => (Math.abs(value - expected) / expected) * 100;
const addedOf = ({ rows }: Session) => rows.at(-1)!.energyKwh;

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
    const session = await charge(await startRig(), charger);
    const { rows, truth, batteryKwh } = session;
    expect(batteryKwh).toBeGreaterThan(3);
    expect(differenceOf(addedOf(session), batteryKwh)).toBeLessThan(2);
    const energy = rows.map(({ energyKwh }) => energyKwh);
    expect(energy).toEqual([...energy].sort((a, b) => a - b));
    // whole kW: half of one more
    const power = mean(rows.slice(0, truth.length).map(({ powerKw }) => powerKw));
    const expected = mean(truth.map(({ chargerKw }) => chargerKw));
    expect(Math.abs(power - expected)).toBeLessThan(expected * 0.02 + 0.5);
    const inCharge = rows.slice(2, truth.length);
    for (const { phases, amperes } of inCharge) {
      expect([phases, amperes]).toEqual(charger.kind === 'dc' ? [null, 0] : [charger.phases ?? 3, charger.amps ?? 16]);
    }
    expect(
      differenceOf(mean(inCharge.map(({ voltage }) => voltage)), mean(truth.map(({ volts }) => volts))),
    ).toBeLessThan(2);
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
    expect(differenceOf(addedOf(session), session.batteryKwh)).toBeLessThan(5);
    expect(
      differenceOf(mean(session.rows.map(({ powerKw }) => powerKw)), mean(session.truth.map((one) => one.chargerKw))),
    ).toBeLessThan(8);
  });

  it('with the counter of the wallbox alone shows what the wallbox gave', async ({ startRig }) => {
    const session = await charge(await startRig(), { kind: 'ac' }, withoutSignals(telemetry, [atBattery]));
    expect(differenceOf(addedOf(session), session.batteryKwh / 0.92)).toBeLessThan(2);
  });
});
