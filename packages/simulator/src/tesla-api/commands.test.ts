import { Field, HvacPowerState } from '@fleetbridge/protocol';
import { commandKeyFromPem, executeCommand, memorySessionStore } from '@fleetbridge/vehicle-command';
import { afterEach, expect, it } from 'vitest';
import { createApplicationKey } from '../../test/tesla-client.js';
import { apiCaPem, startSetUp, vin } from '../../test/tesla-set-up.js';
import { caPem, startVehicleServer, until, vehicleIdentity } from '../../test/vehicle-server.js';
import { createFleetClient } from '../command-vehicle/index.js';
import { realClock } from '../vehicle/index.js';

const WAIT_MS = 30_000;
const disposables: (() => unknown)[] = [];
afterEach(async () => {
  for (const dispose of disposables.splice(0).reverse()) await dispose();
});

/** A paired vehicle that charges, streams what commands change, and a signer with the application key. */
async function setUp() {
  const server = await startVehicleServer(() => 'ack');
  const vehicle = {
    ...vehicleIdentity(vin),
    plan: [{ phase: 'charge', seconds: 360_000 } as const],
    timeScale: 20,
    reconnect: { minimumMs: 2, maximumMs: 20 },
  };
  const started = await startSetUp({ vehicles: [vehicle] });
  disposables.push(
    () => server.stop(),
    () => started.api.stop(),
  );
  const access = await started.ready();
  const names = ['Locked', 'ChargeLimitSoc', 'DetailedChargeState', 'HvacPower'] as const;
  const config = {
    hostname: 'telemetry.example.com',
    port: Number(new URL(server.url).port),
    ca: caPem,
    fields: Object.fromEntries(names.map((name) => [name, { interval_seconds: 1 }])),
  };
  await started.send(access, config);
  const sent = (name: (typeof names)[number]) =>
    server.records
      .flatMap(({ message }) => message.data!.filter(({ key }) => key === Field[name]))
      .map(({ value }) => Object.values(value!)[0]);
  const client = createFleetClient({ url: started.api.url, caPem: apiCaPem, accountToken: access });
  disposables.push(() => client.stop());
  const execute = (name: string, parameters: Record<string, unknown> = {}, privateKey = started.key.privateKey) =>
    executeCommand(
      { vin, name, parameters, timeoutMs: 10_000 },
      {
        key: commandKeyFromPem(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()),
        sessions: memorySessionStore(),
        randomBytes: (count) => crypto.getRandomValues(Buffer.alloc(count)),
        clock: {
          nowMs: () => Date.now(),
          monotonicMs: () => performance.now(),
          sleep: (ms) => new Promise((resolve) => realClock.after(ms, resolve)),
        },
        transport: { send: (to, message) => client.signedCommand(to, message, { timeoutMs: 10_000 }) },
      },
    );
  return { ...started, access, sent, execute };
}

it('executes signed commands of the paired key, and telemetry shows what they change', async () => {
  const { api, sent, execute } = await setUp();
  await until(() => sent('DetailedChargeState').length > 0, WAIT_MS);
  expect([sent('Locked').at(-1), sent('ChargeLimitSoc').at(-1)]).toEqual([true, 80]);
  for (const [name, parameters] of [
    ['door_unlock', {}],
    ['set_charge_limit', { percent: 90 }],
    ['charge_stop', {}],
    ['auto_conditioning_start', {}],
  ] as const) {
    expect((await execute(name, parameters)).outcome).toMatchObject({ kind: 'done' });
  }
  await until(() => sent('Locked').at(-1) === false && sent('ChargeLimitSoc').at(-1) === 90, WAIT_MS);
  await until(() => sent('HvacPower').at(-1) === HvacPowerState.HvacPowerStateOn, WAIT_MS);
  const stopped = sent('DetailedChargeState').at(-1);
  await execute('charge_start');
  await until(() => sent('DetailedChargeState').at(-1) !== stopped, WAIT_MS);
  expect(api.vehicle(vin).executions).toEqual([
    'RKE_ACTION_UNLOCK',
    'chargingSetLimitAction',
    'chargingStartStopAction',
    'hvacAutoAction',
    'chargingStartStopAction',
  ]);
});

it('refuses another key, answers 408 asleep until wake_up, and unsigned commands only without the protocol', async () => {
  const { api, access, call, execute } = await setUp();
  const other = createApplicationKey().privateKey;
  expect((await execute('door_lock', {}, other)).outcome).toMatchObject({ kind: 'not_paired' });
  await until(() => api.vehicle(vin).isConnected, WAIT_MS);
  api.changeVehicle(vin, { isAwake: false });
  await until(() => !api.vehicle(vin).isConnected, WAIT_MS);
  const unsigned = (name: string, body?: object) => call('POST', `vehicles/${vin}/command/${name}`, access, body);
  expect((await unsigned('door_lock')).status).toBe(408);
  expect((await call('POST', `vehicles/${vin}/wake_up`, access)).json.response.state).toBe('online');
  await until(() => api.vehicle(vin).isConnected, WAIT_MS);
  expect(await unsigned('door_lock')).toMatchObject({
    status: 403,
    json: { error: expect.stringContaining('Vehicle Command Protocol required') },
  });
  api.changeVehicle(vin, { isCommandProtocolRequired: false });
  expect((await unsigned('set_charge_limit', { percent: 70 })).json.response).toEqual({ result: true, reason: '' });
  expect(api.vehicle(vin).executions).toEqual(['set_charge_limit']);
});
