// A day of a vehicle with the clock of the test, polled by a client that follows TeslaMate's state machine.
import { TeslaMatePoller } from '@fleetbridge/testing';
import { describe, expect } from 'vitest';
import { it, parked, type Rig, type Signals } from './gateway-rig.js';

const VOLTS = 380;

class Day {
  rig: Rig;
  readonly poller = new TeslaMatePoller({
    now: () => this.rig.clock.nowMs,
    data: () => this.rig.data(),
    vehicle: () => this.rig.one(),
  });
  #nextPollMs = 0;
  #odometer = 1_000;
  /** Called at each poll, for restarts. */
  onPoll: () => Promise<void> = async () => {};

  constructor(rig: Rig) {
    this.rig = rig;
  }

  /** `signals` are sent every `stepSeconds`; nothing is sent without them. */
  async during(seconds: number, signals?: (second: number) => Signals, stepSeconds = 5): Promise<void> {
    for (let second = 0; second < seconds; second += stepSeconds) {
      if (signals) await this.rig.vehicle().send(signals(second));
      this.rig.clock.nowMs += stepSeconds * 1_000;
      if (this.rig.clock.nowMs < this.#nextPollMs) continue;
      await this.poller.poll();
      await this.onPoll();
      this.#nextPollMs = this.rig.clock.nowMs + this.poller.intervalSeconds * 1_000;
    }
  }

  async wake(signals: Signals = {}): Promise<void> {
    await this.rig.vehicle().connect();
    this.rig.clock.nowMs += 500;
    await this.rig.vehicle().send({ ...parked, ...signals });
  }

  async drive(seconds: number): Promise<void> {
    const startMiles = this.#odometer;
    await this.during(seconds, (second) => ({
      Gear: 'ShiftStateD',
      VehicleSpeed: 30 + (second % 10),
      Location: { latitude: 48.1 + second / 10_000, longitude: 11.5 },
      Odometer: startMiles + second / 100,
      PackVoltage: VOLTS,
      PackCurrent: -50,
    }));
    this.#odometer += seconds / 100;
    await this.rig.vehicle().send({ Gear: 'ShiftStateP', VehicleSpeed: null, PackCurrent: -0.7 });
  }

  /** Returns the energy that flowed into the pack. */
  async charge(seconds: number, { kw, signals }: { kw: number; signals: (kwh: number, second: number) => Signals }) {
    const pack = (power: number) => ({ PackVoltage: VOLTS, PackCurrent: (power * 1000) / VOLTS });
    await this.rig.vehicle().send({ DetailedChargeState: 'DetailedChargeStateStarting', ...pack(0) });
    await this.during(
      seconds,
      (second) => ({
        DetailedChargeState: 'DetailedChargeStateCharging',
        ...pack(kw),
        ...signals((kw * second) / 3600, second),
      }),
      5,
    );
    const kwh = (kw * seconds) / 3600;
    await this.rig.vehicle().send({
      DetailedChargeState: 'DetailedChargeStateComplete',
      ...pack(0),
      ...signals(kwh, seconds),
      ACChargingPower: 0,
      DCChargingPower: 0,
    });
    return kwh;
  }

  async sleep(seconds: number): Promise<void> {
    await this.rig.vehicle().disconnect();
    await this.during(seconds);
  }
}

/** As a wallbox with 8 % of losses is reported. The counter of the battery jitters and restarts in mid-session. */
function acSignals(kw: number) {
  return (kwh: number, second: number): Signals => ({
    ACChargingPower: kw / 0.92,
    ACChargingEnergyIn: kwh / 0.92,
    ...(second % 30 === 0
      ? { DCChargingEnergyIn: Math.max(0, (kwh < 0.6 ? kwh : kwh - 0.6) + (second % 60 === 0 ? 0 : -0.02)) }
      : {}),
    ChargerVoltage: 230,
    ChargeAmps: kw / 0.92 / 0.69,
    ChargerPhases: 3,
    FastChargerPresent: false,
  });
}

/** A fast charger whose counter begins above 0. */
function dcSignals(kw: number) {
  return (kwh: number): Signals => ({
    DCChargingPower: kw,
    ACChargingPower: 0,
    DCChargingEnergyIn: kwh + 12,
    ACChargingEnergyIn: 7.3,
    ChargerVoltage: 2,
    FastChargerPresent: true,
    FastChargerType: 'FastChargerSupercharger',
  });
}

const withinPercent = (value: number, expected: number, percent: number) =>
  expect(Math.abs(value - expected)).toBeLessThanOrEqual((expected * percent) / 100 + 0.02);

describe('a day', () => {
  it('is recorded without a missed state, a rejected document or a loop', async ({ startRig }) => {
    const day = new Day(await startRig());
    const { poller, rig } = day;
    await day.during(60);
    await day.wake();
    await day.during(60, () => ({ SentryMode: 'SentryModeStateArmed' }));
    await day.during(60, () => ({ SentryMode: 'SentryModeStateOff', DoorState: { doorValue: { DriverFront: true } } }));
    await day.during(60, () => ({
      DoorState: { doorValue: {} },
      FdWindow: 'WindowStatePartiallyOpen',
      HvacPower: 'HvacPowerStatePrecondition',
    }));
    await day.drive(300);
    await day.during(60, () => ({ InsideTemp: 21 }));
    const acKwh = await day.charge(900, { kw: 10, signals: acSignals(10) });
    await day.during(60, () => ({ InsideTemp: 21 }));
    await day.drive(120);
    const dcKwh = await day.charge(600, { kw: 150, signals: dcSignals(150) });
    await day.during(60, () => ({ FastChargerPresent: false, InsideTemp: 20 }));
    await day.sleep(300);
    await day.wake({ SoftwareUpdateVersion: '2026.24.1' });
    await day.during(60, () => ({ SoftwareUpdateDownloadPercentComplete: 100, InsideTemp: 20 }));
    await day.during(60, (second) => ({ SoftwareUpdateInstallationPercentComplete: 10 + second }));
    // the car restarts during the installation
    await day.sleep(60);
    await day.wake({ SoftwareUpdateInstallationPercentComplete: 100 });
    await day.during(60, () => ({ Version: '2026.24.1 abcdef123456', SoftwareUpdateInstallationPercentComplete: 0 }));
    await day.during(60, () => ({ ServiceMode: true, InsideTemp: 19 }));
    await day.during(60, () => ({ ServiceMode: false, InsideTemp: 18 }));
    await day.sleep(120);

    const expected = [
      ...['offline', 'online', 'driving', 'online', 'charging', 'online', 'driving', 'charging', 'online', 'asleep'],
      ...['online', 'updating', 'online', 'in_service', 'online', 'asleep'],
    ];
    expect(poller.entered).toEqual(expected);
    expect(poller.seen).toEqual(new Set(['sentry', 'door', 'window', 'climate', 'preconditioning']));
    expect(poller.installed).toEqual(['2026.24.1']);
    const [ac = [], dc = []] = poller.charges;
    // TeslaMate stores what was added between the first and the last row of a charge
    const share = (rows: typeof ac, seconds: number) => (rows.at(-1)!.atMs - rows[0]!.atMs) / 1_000 / seconds;
    withinPercent(ac.at(-1)!.energyKwh - ac[0]!.energyKwh, acKwh * share(ac, 900), 2);
    withinPercent(dc.at(-1)!.energyKwh - dc[0]!.energyKwh, dcKwh * share(dc, 600), 2);
    expect(ac.at(-1)).toMatchObject({ powerKw: 11, phases: 3, voltage: 230, amperes: 16 });
    expect(dc.at(-1)).toMatchObject({ powerKw: 150, phases: null, amperes: 0 });
    // every poll of the day, and at most a second request per poll
    expect(poller.requests).toBeLessThan(700);
    expect(rig.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('with counters withheld is within 5 %', async ({ startRig }) => {
    const day = new Day(await startRig());
    await day.wake();
    await day.during(30, () => ({ InsideTemp: 20 }));
    const kwh = await day.charge(900, { kw: 10, signals: () => ({ ChargerVoltage: 230, ChargerPhases: 3 }) });
    const [rows = []] = day.poller.charges;
    const share = (rows.at(-1)!.atMs - rows[0]!.atMs) / 900_000;
    withinPercent(rows.at(-1)!.energyKwh - rows[0]!.energyKwh, kwh * share, 5);
    expect(rows.at(-1)).toMatchObject({ powerKw: 11, phases: 3, voltage: 230, amperes: 16 });
  });

  it('with a restarted gateway in mid-drive and mid-charge is one drive and one charge', async ({ startRig }) => {
    const day = new Day(await startRig());
    let polls = 0;
    day.onPoll = async () => {
      if (++polls % 10 !== 0) return;
      const { nowMs } = day.rig.clock;
      await day.rig.stop();
      day.rig = await startRig();
      day.rig.clock.nowMs = nowMs;
    };
    await day.wake();
    await day.during(60, () => ({ InsideTemp: 20 }));
    await day.drive(240);
    await day.during(60, () => ({ InsideTemp: 20 }));
    const kwh = await day.charge(600, { kw: 10, signals: acSignals(10) });
    await day.during(60, () => ({ InsideTemp: 20 }));
    expect(day.poller.entered).toEqual(['online', 'driving', 'online', 'charging', 'online']);
    const [rows = []] = day.poller.charges;
    const share = (rows.at(-1)!.atMs - rows[0]!.atMs) / 600_000;
    withinPercent(rows.at(-1)!.energyKwh - rows[0]!.energyKwh, kwh * share, 2);
  });
});
