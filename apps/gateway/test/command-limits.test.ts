// Commands that must not reach Tesla, whose outcome is unknown, or for which the vehicle must wake up.
import { httpFaults } from '@fleetbridge/simulator';
import { eventually } from '@fleetbridge/testing';
import { prepareCommand } from '@fleetbridge/vehicle-command';
import { describe, expect } from 'vitest';
import { TelemetryView } from '../src/commands/index.js';
import { holdFirstCommand, it } from './command-rig.js';
import { dumpOf, VIN } from './gateway-rig.js';

const done = { response: { result: true, reason: '' } };
const asleep = { response: null, error: 'vehicle unavailable: vehicle is offline or asleep', error_description: '' };

describe('an unknown outcome', () => {
  it('is reported, or confirmed by telemetry; the command is executed once, and not signed again', async ({
    startRig,
  }) => {
    const cases = [
      ['5YJ3E1EA7KF000001', 'door_lock', {}, { Locked: true }],
      ['5YJ3E1EA7KF000002', 'charge_start', {}, { DetailedChargeState: 'DetailedChargeStateCharging' }],
      ['5YJ3E1EA7KF000003', 'actuate_trunk', { which_trunk: 'rear' }, undefined],
    ] as const;
    const rig = await startRig({ vins: cases.map(([vin]) => vin) });
    const { vehicles, fleet } = rig.fleet;
    await Promise.all(cases.map(([vin]) => rig.vehicle(vin).connect()));
    for (const vehicle of vehicles) {
      vehicle.play({ fault: httpFaults.cutAfter, messages: 'commands', repeat: 'always' });
    }
    await Promise.all(
      cases.map(async ([vin, name, body, signals]) => {
        const answer = rig.command(name, body, { vin });
        const calls = () => fleet.calls.filter((call) => call.vin === vin).map(({ kind }) => kind);
        if (signals !== undefined) {
          await eventually(() => calls().length === 3);
          await rig.vehicle(vin).send(signals);
          expect(await answer).toMatchObject({
            status: 200,
            body: { response: { result: true, reason: '', confirmed_by_telemetry: true } },
          });
        } else {
          expect(await answer).toMatchObject({
            status: 504,
            body: {
              error: expect.stringContaining('outcome unknown'),
              error_description: 'Check the vehicle before sending the command again: it would change again.',
            },
          });
        }
        expect(calls()).toEqual(['handshake', 'command', 'command']);
      }),
    );
    expect(vehicles.map(({ executions }) => executions.length)).toEqual([1, 1, 1]);
  });

  it('is not confirmed by a value that was made or received before the command', async ({ startRig }) => {
    const rig = await startRig();
    const telemetry = new TelemetryView({ live: rig.live, now: Date.now, sleep: async () => {} });
    const locked = [{ signal: 'Locked', isConfirmedBy: (value: unknown) => value === true }];
    await rig.vehicle().send({ Locked: true }, Date.now() - 60_000);
    const moment = await telemetry.moment(VIN);
    expect(await telemetry.isConfirmed(VIN, locked, moment)).toBe(false);
    await rig.vehicle().send({ Locked: true }, Date.now() - 30_000);
    expect(await telemetry.isConfirmed(VIN, locked, moment)).toBe(false);
    await rig.vehicle().send({ Locked: false });
    expect(await telemetry.isConfirmed(VIN, locked, moment)).toBe(false);
    await rig.vehicle().send({ Locked: true });
    expect(await telemetry.isConfirmed(VIN, locked, moment)).toBe(true);
  });
});

describe('a vehicle that is disconnected', () => {
  it('for minutes is answered with 408 without a call, until it is connected or woken', async ({ startRig }) => {
    const rig = await startRig();
    const { vehicle, fleet } = rig.fleet;
    const car = rig.vehicle();
    const past = rig.vehicleAt(() => Date.now() - 200_000);
    await past.connect();
    await past.disconnect();
    expect(await rig.command('door_lock')).toMatchObject({ status: 408, body: asleep });
    expect(fleet.calls).toEqual([]);
    vehicle.sleep({ wakesAfterCalls: 1 });
    expect(await rig.command('door_lock', {}, { query: '?wake=true' })).toMatchObject({ status: 200, body: done });
    expect(fleet.calls.map(({ kind }) => kind)).toEqual(['wake_up', 'handshake', 'command']);
    // Tesla called it online: its telemetry may be broken
    expect((await rig.command('door_lock')).status).toBe(200);
    await car.connect();
    expect((await rig.command('door_lock')).status).toBe(200);
  });

  it('without notice is asked to wake after a 408 of Tesla, until it sends something', async ({ startRig }) => {
    const rig = await startRig();
    const { vehicle, fleet } = rig.fleet;
    const car = rig.vehicle();
    await car.connect();
    vehicle.sleep({ wakesAfterCalls: 9 });
    expect(await rig.command('door_lock')).toMatchObject({ status: 408, body: asleep });
    expect(await rig.wakeUp({ query: '?wait=0' })).toMatchObject({ body: { response: { state: 'offline' } } });
    await car.send({ Locked: true });
    expect(await rig.wakeUp()).toMatchObject({ body: { response: { state: 'online' } } });
    vehicle.sleep({ wakesAfterCalls: 1 });
    expect(await rig.command('charge_start', {}, { query: '?wake=true' })).toMatchObject({ status: 200, body: done });
    expect(fleet.calls.map(({ kind }) => kind)).toEqual([
      ...['handshake', 'wake_up'],
      ...['handshake', 'wake_up', 'handshake', 'command'],
    ]);
    expect(vehicle.executions).toHaveLength(1);
  });

  it('is woken by wake_up, which ends when telemetry is connected', async ({ startRig }) => {
    const rig = await startRig();
    const { vehicle, fleet } = rig.fleet;
    vehicle.sleep({ wakesAfterCalls: 9 });
    expect(await rig.wakeUp({ query: '?wait=0' })).toMatchObject({
      status: 200,
      body: { response: { vin: VIN, state: 'offline' } },
    });
    const answer = rig.wakeUp({ query: '?wait=30' });
    await eventually(() => fleet.calls.length === 2);
    await rig.vehicle().connect();
    expect(await answer).toMatchObject({ status: 200, body: { response: { vin: VIN, state: 'online' } } });
    expect(await rig.wakeUp()).toMatchObject({ body: { response: { state: 'online' } } });
    expect(fleet.calls.map(({ kind }) => kind)).toEqual(['wake_up', 'wake_up']);
  });

  it('is asked to wake three times per minute', async ({ startRig }) => {
    const rig = await startRig();
    rig.fleet.vehicle.sleep({ wakesAfterCalls: Number.POSITIVE_INFINITY });
    for (let n = 0; n < 3; n++) expect((await rig.wakeUp({ query: '?wait=0' })).status).toBe(200);
    const { status, headers } = await rig.wakeUp({ query: '?wait=0' });
    expect(status).toBe(429);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    expect(rig.fleet.fleet.calls).toHaveLength(3);
  });

  it('is not woken by a token that reads', async ({ startRig }) => {
    const rig = await startRig();
    const { token } = await rig.tokens.create({ vin: VIN, label: '', nowMs: 1 });
    expect(await rig.wakeUp({ as: token })).toMatchObject({ status: 200, body: { response: { state: 'offline' } } });
    expect(rig.fleet.fleet.calls).toEqual([]);
  });
});

describe('limits', () => {
  it('are 30 calls per minute and vehicle', async ({ startRig }) => {
    const rig = await startRig();
    for (let n = 0; n < 29; n++) expect((await rig.command('door_lock')).status).toBe(200);
    const { status, headers, body } = await rig.command('door_lock');
    expect({ status, body }).toMatchObject({
      status: 429,
      body: { error: expect.stringMatching(/^Retry in \d+ sec/) },
    });
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    expect(rig.fleet.fleet.calls).toHaveLength(30);
    expect(rig.fleet.vehicle.executions).toHaveLength(29);
  });

  it('are one command in flight and eight in the queue per vehicle, in order', async ({ startRig }) => {
    const rig = await startRig();
    const release = holdFirstCommand(rig.fleet);
    const statuses: number[] = [];
    const amps = (n: number) =>
      rig.command('set_charging_amps', { charging_amps: n }).then(({ status }) => statuses.push(status));
    const first = amps(0);
    await eventually(() => rig.fleet.fleet.calls.length === 2);
    const queued: Promise<number>[] = [];
    const waiting = () => rig.store.redis.zcard(rig.store.keysOf(VIN).commandQueuePrefix + VIN);
    for (let n = 1; n <= 8; n++) {
      queued.push(amps(n));
      await eventually(async () => (await waiting()) === n);
    }
    const full = await rig.command('charge_start');
    expect(full).toMatchObject({ status: 503, body: { error: 'too many commands wait for this vehicle' } });
    expect(full.headers.get('retry-after')).toBe('5');
    release();
    await Promise.all([first, ...queued]);
    expect(statuses).toEqual(Array(9).fill(200));
    const { executions } = rig.fleet.vehicle;
    expect(executions.map(({ counter }) => counter)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const sent = [0, 1, 2, 3, 4, 5, 6, 7, 8].map((n) => prepareCommand('set_charging_amps', { charging_amps: n }, 0));
    const payloads = sent.map((command) => command.kind === 'prepared' && Buffer.from(command.payload).toString('hex'));
    expect(executions.map(({ payload }) => payload.toString('hex'))).toEqual(payloads);
  });

  it('of one vehicle do not keep 20 others waiting', async ({ startRig }) => {
    const vins = Array.from({ length: 21 }, (_, n) => `5YJ3E1EA7KF0001${String(n).padStart(2, '0')}`);
    const rig = await startRig({ vins });
    const [busy = '', ...others] = vins;
    const release = holdFirstCommand(rig.fleet);
    let isAnswered = false;
    const held = rig.command('door_lock', {}, { vin: busy }).then(() => {
      isAnswered = true;
    });
    await eventually(() => rig.fleet.fleet.calls.length === 2);
    const parallel = await Promise.all(others.map((vin) => rig.command('door_lock', {}, { vin })));
    expect(parallel.map(({ status }) => status)).toEqual(others.map(() => 200));
    expect(isAnswered).toBe(false);
    release();
    await held;
  });
});

describe('secrets', () => {
  it('are in no log, metric, Redis value or answer', async ({ startRig }) => {
    const rig = await startRig();
    const { vehicle, key } = rig.fleet;
    const pin = '8642';
    const bodies: string[] = [];
    const run = async (name: string, body: unknown) => {
      bodies.push(JSON.stringify((await rig.command(name, body)).body));
    };
    await run('set_pin_to_drive', { on: true, password: pin });
    await run('speed_limit_activate', { pin });
    await run('set_valet_mode', { on: true, password: Number(pin) });
    vehicle.play({ fault: httpFaults.cutAfter, messages: 'commands', repeat: 'always' });
    await run('remote_start_drive', { password: pin });
    vehicle.faults.clear();
    vehicle.protocol = 'rest';
    await run('speed_limit_deactivate', { pin });
    expect(vehicle.executions.length).toBeGreaterThan(2);
    const metrics = await rig.registry.metrics();
    expect(metrics).toMatch(/fleetbridge_gateway_commands_total\{command="set_pin_to_drive",outcome="done".*\} 1/);
    expect(metrics).toMatch(/fleetbridge_gateway_command_calls_total\{kind="command".*\} [1-9]/);
    const everything = [JSON.stringify(rig.lines), metrics, ...bodies, await dumpOf(rig.store)].join('\n');
    expect(everything).toContain('speed_limit_deactivate');
    const scalar = Buffer.from(key.privateScalar);
    for (const secret of [
      `"${pin}"`,
      `:${pin},`,
      rig.token,
      'account-token-of-the-owner',
      scalar.toString('hex'),
      scalar.toString('base64'),
      scalar.toString('latin1'),
    ]) {
      expect(everything.includes(secret), secret).toBe(false);
    }
  });
});
