// TeslaMate's clock rules (docs/protocol/teslamate.md#clocks) by real requests: a client polls and keeps the state table
// that TeslaMate has, whose constraint ends TeslaMate.
import { describe, expect } from 'vitest';
import { it, parked, type Rig, START_MS, VIN } from './gateway-rig.js';

/** TeslaMate's table of states: `online` begins at the document's timestamp, the others at its own clock. */
class StateTable {
  #start = 0;
  #state = '';
  #timestamp = 0;
  readonly #rig: Rig;

  constructor(rig: Rig) {
    this.#rig = rig;
  }

  /** Polls as TeslaMate does, and returns the state. */
  async poll(): Promise<string> {
    const { clock } = this.#rig;
    const vehicle = await this.#rig.one();
    if (vehicle.state !== 'online') return this.#enter(vehicle.state, clock.nowMs);
    const { status, body } = await this.#rig.data();
    if (status !== 200) return `vehicle_data ${status} while online`;
    const timestamps = ['charge_state', 'climate_state', 'drive_state', 'vehicle_config', 'vehicle_state'].map(
      (section) => body.response[section].timestamp,
    );
    expect(new Set(timestamps).size).toBe(1);
    expect(timestamps[0]).toBeGreaterThanOrEqual(this.#timestamp);
    expect(timestamps[0]).toBeLessThanOrEqual(clock.nowMs);
    this.#timestamp = timestamps[0];
    return this.#enter('online', this.#timestamp);
  }

  #enter(state: string, startMs: number): string {
    if (state === this.#state) return state;
    // the constraint: a state ends after it began
    expect(startMs).toBeGreaterThanOrEqual(this.#start);
    this.#state = state;
    this.#start = startMs;
    return state;
  }
}

describe('at a wake', () => {
  it('online begins after the asleep that was answered, with a vehicle clock that is behind', async ({ startRig }) => {
    const rig = await startRig();
    const table = new StateTable(rig);
    await rig.vehicle().connect();
    await rig.vehicle().send(parked);
    expect(await table.poll()).toBe('online');
    rig.clock.nowMs += 1_000;
    await rig.vehicle().disconnect();
    rig.clock.nowMs += 60_000;
    expect(await table.poll()).toBe('asleep');
    rig.clock.nowMs += 1_000;
    await rig.vehicle().connect();
    expect(await table.poll()).toBe('asleep');
    rig.clock.nowMs += 100;
    await rig.vehicle().send({ VehicleSpeed: 0 }, rig.clock.nowMs - 45_000);
    expect(await table.poll()).toBe('online');
    const { drive_state: drive } = (await rig.data()).body.response;
    expect(drive.timestamp).toBe(rig.clock.nowMs - 100 + 1);
  });

  it('the time of a frame that was just sent is not later than that of vehicle_data', async ({ startRig }) => {
    const rig = await startRig();
    const table = new StateTable(rig);
    await rig.vehicle().connect();
    await rig.vehicle().send(parked);
    await table.poll();
    for (let n = 1; n < 30; n++) {
      rig.clock.nowMs += 500;
      const frameMs = rig.clock.nowMs - 3;
      await rig.vehicle().send({ Gear: 'ShiftStateD', VehicleSpeed: n }, frameMs);
      expect((await rig.data()).body.response.drive_state.timestamp).toBe(frameMs);
    }
  });
});

describe('a vehicle clock that is ahead', () => {
  it.for([1, 1_000, 45_000, 3_600_000])('by %i ms never gives a time later than now', async (aheadMs, { startRig }) => {
    const rig = await startRig();
    const table = new StateTable(rig);
    await rig.vehicle().connect();
    await rig.vehicle().send(parked, START_MS + aheadMs);
    expect(await table.poll()).toBe('online');
    rig.clock.nowMs += 500;
    await rig.vehicle().disconnect();
    rig.clock.nowMs += 20_000;
    expect(await table.poll()).toBe('asleep');
  });
});

it('is monotonic across a restart, another process and a late record', async ({ startRig }) => {
  const rig = await startRig();
  await rig.vehicle().connect();
  await rig.vehicle().send(parked);
  rig.clock.nowMs += 60_000;
  await rig.vehicle().send({ VehicleSpeed: 1 });
  const timestamp = async (each: Rig) => (await each.data()).body.response.drive_state.timestamp;
  const last = await timestamp(rig);
  await rig.stop();
  const [one, other] = [await startRig(), await startRig()];
  for (const each of [one, other]) {
    each.clock.nowMs = rig.clock.nowMs + 1_000;
    expect(await timestamp(each)).toBe(last);
  }
  await one.vehicle().send({ VehicleSpeed: 2 }, last - 30_000);
  expect(await timestamp(other)).toBe(last);
  expect(await timestamp(one)).toBe(last);
});

it('a parked vehicle that sends nothing keeps its old time', async ({ startRig }) => {
  const rig = await startRig();
  await rig.vehicle().connect();
  await rig.vehicle().send(parked);
  const { response } = (await rig.data()).body;
  rig.clock.nowMs += 3 * 3_600_000;
  expect((await rig.data()).body.response.drive_state.timestamp).toBe(response.drive_state.timestamp);
});

describe('the state', () => {
  it.for([
    ['parked', {}, 10_000, 'asleep'],
    ['in a drive', { Gear: 'ShiftStateD' }, 120_000, 'offline'],
    ['charging', { DetailedChargeState: 'DetailedChargeStateCharging' }, 10_000, 'offline'],
    ['installing', { SoftwareUpdateInstallationPercentComplete: 40 }, 10_000, 'offline'],
  ] as const)('of a vehicle that went %s', async ([, signals, afterMs, expected], { startRig }) => {
    const rig = await startRig();
    await rig.vehicle().connect();
    await rig.vehicle().send({ ...parked, ...signals });
    expect((await rig.one()).state).toBe('online');
    rig.clock.nowMs += 1_000;
    await rig.vehicle().disconnect();
    rig.clock.nowMs += afterMs - 1;
    expect((await rig.one()).state).toBe('online');
    rig.clock.nowMs += 1;
    expect((await rig.one()).state).toBe(expected);
    expect((await rig.products())[0].state).toBe(expected);
    expect((await rig.data()).status).toBe(408);
  });

  it('is offline after the time of OFFLINE_AFTER', async ({ startRig }) => {
    const rig = await startRig({ env: { OFFLINE_AFTER: '60' } });
    await rig.vehicle().connect();
    await rig.vehicle().send(parked);
    await rig.vehicle().disconnect();
    rig.clock.nowMs += 59_999;
    expect((await rig.one()).state).toBe('online');
    rig.clock.nowMs += 1;
    expect((await rig.one()).state).toBe('asleep');
  });
});

it('an update goes from installing to empty, never to available', async ({ startRig }) => {
  const rig = await startRig();
  const status = async () => (await rig.data()).body.response.vehicle_state.software_update.status;
  await rig.vehicle().connect();
  await rig.vehicle().send({ ...parked, SoftwareUpdateVersion: '2026.24.1' });
  expect(await status()).toBe('available');
  rig.clock.nowMs += 1_000;
  await rig.vehicle().send({ SoftwareUpdateInstallationPercentComplete: 50 });
  expect(await status()).toBe('installing');
  rig.clock.nowMs += 1_000;
  // before the new version is reported
  await rig.vehicle().send({ SoftwareUpdateInstallationPercentComplete: 0 });
  expect(await status()).toBe('');
  rig.clock.nowMs += 1_000;
  await rig.vehicle().send({ Version: '2026.24.1 abcdef123456' });
  expect(await status()).toBe('');
  expect((await rig.data()).body.response.vehicle_state.car_version).toBe('2026.24.1 abcdef123456');
});

it(`answers the same state to every client of ${VIN}`, async ({ startRig }) => {
  const rig = await startRig();
  await rig.vehicle().connect();
  await rig.vehicle().send(parked);
  const answers = await Promise.all(Array.from({ length: 50 }, () => rig.data()));
  expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
});
