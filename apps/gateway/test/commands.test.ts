// Vehicle commands by real requests: the gateway, a real Redis, and the stand-in vehicle behind a real HTTPS server.
import { loadConfig } from '@fleetbridge/service';
import { httpFaults, payloads } from '@fleetbridge/simulator';
import { CommandAudit } from '@fleetbridge/store';
import { commandTable, Domain } from '@fleetbridge/vehicle-command';
import { describe, expect } from 'vitest';
import { gatewayConfig } from '../src/config.js';
import { it, startCommandRig } from './command-rig.js';
import { OTHER_VIN, TOKEN, VIN } from './gateway-rig.js';

const done = { response: { result: true, reason: '' } };

describe('a command', () => {
  it('costs two calls on a cold session, one on a warm one, and two after a reboot', async ({ startRig }) => {
    const rig = await startRig();
    const { fleet, vehicle } = rig.fleet;
    const callsOf = async (name: string, body?: unknown) => {
      const before = fleet.calls.length;
      const { status, body: answer } = await rig.command(name, body);
      expect({ name, status, answer }).toEqual({ name, status: 200, answer: done });
      return fleet.calls.slice(before).map(({ kind }) => kind);
    };
    expect(await callsOf('door_lock')).toEqual(['handshake', 'command']);
    expect(await callsOf('door_lock')).toEqual(['command']);
    expect(await callsOf('charge_start')).toEqual(['handshake', 'command']);
    expect(await callsOf('set_charging_amps', { charging_amps: 16 })).toEqual(['command']);
    expect(await callsOf('auto_conditioning_start')).toEqual(['command']);
    vehicle.reboot(Domain.INFOTAINMENT);
    expect(await callsOf('charge_stop')).toEqual(['command', 'command']);
    expect(vehicle.executions).toHaveLength(6);
  });

  it('finds the vehicle by VIN, id and vehicle_id', async ({ startRig }) => {
    const rig = await startRig();
    const { id, vehicle_id } = await rig.one();
    for (const vin of [VIN, id, vehicle_id])
      expect((await rig.command('door_lock', undefined, { vin })).status).toBe(200);
    expect(rig.fleet.vehicle.executions).toHaveLength(3);
  });

  it.for([
    ['asleep', httpFaults.offline, 408, 'vehicle unavailable: vehicle is offline or asleep', 500],
    [
      'not paired',
      { kind: 'message_fault', fault: 3, withSessionInfo: false } as const,
      412,
      'vehicle rejected request: your public key has not been paired with the vehicle',
      500,
    ],
    ['rate-limited', httpFaults.tooMany(7), 429, 'Retry in 7 seconds', 429],
    ['sent without authorization', httpFaults.unauthorized, 401, 'token expired (401)', 401],
  ] as const)('that is %s has a status of its own', async ([_, fault, status, error, proxyStatus], { startRig }) => {
    const rig = await startRig();
    const proxy = await startCommandRig(rig.store, rig.fleet, { env: { COMMAND_STATUS_CODES: 'proxy' } });
    for (const [gateway, expected] of [
      [rig, status],
      [proxy, proxyStatus],
    ] as const) {
      rig.fleet.vehicle.play(fault);
      const answer = await gateway.command('charge_start');
      expect({ status: answer.status, error: answer.body.error }).toEqual({ status: expected, error });
      expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
      if (expected === 429) expect(answer.headers.get('retry-after')).toBe(gateway === rig ? '7' : null);
    }
    await proxy.stop();
    expect(rig.fleet.vehicle.executions).toEqual([]);
  });

  it('reports why the vehicle refuses it, and mistakes in parameters, as the proxy does', async ({ startRig }) => {
    const rig = await startRig();
    rig.fleet.vehicle.play({ fault: payloads.refused('no_power'), messages: 'commands' });
    expect(await rig.command('charge_start')).toMatchObject({
      status: 200,
      body: { response: { result: false, reason: 'car could not execute command: no_power' }, error: '' },
    });
    const calls = rig.fleet.fleet.calls.length;
    expect(await rig.command('set_charging_amps', { charging_amps: '16' })).toMatchObject({
      status: 400,
      body: { response: { result: false, reason: 'invalid charging_amps param' } },
    });
    expect(await rig.command('set_charging_amps')).toMatchObject({ status: 400 });
    expect(await rig.command('open_sesame')).toMatchObject({ status: 400, body: { error: 'invalid_command' } });
    expect(await rig.command('door_lock', '[')).toMatchObject({
      status: 400,
      body: 'error occurred while parsing request parameters',
    });
    expect((await rig.command('door_lock', `{"a":"${'x'.repeat(70_000)}"}`)).status).toBe(413);
    expect((await rig.request(`/api/1/vehicles/${VIN}/command/door_lock`, { token: rig.token })).status).toBe(405);
    expect(rig.fleet.fleet.calls).toHaveLength(calls);
  });

  it('that needs REST is forwarded with its body, and learned for vehicles without the protocol', async ({
    startRig,
  }) => {
    const rig = await startRig();
    const { vehicle, fleet } = rig.fleet;
    const place = { type: 'share_ext_content_raw', locale: 'en-US' };
    expect(await rig.command('navigation_request', place)).toMatchObject({ status: 200, body: done });
    expect(vehicle.restExecutions).toEqual([{ name: 'navigation_request', body: JSON.stringify(place) }]);
    vehicle.protocol = 'rest';
    for (const calls of [['handshake', 'rest_command'], ['rest_command']]) {
      const before = fleet.calls.length;
      expect(await rig.command('set_charging_amps', { charging_amps: 8 })).toMatchObject({ status: 200, body: done });
      expect(fleet.calls.slice(before).map(({ kind }) => kind)).toEqual(calls);
    }
    expect(vehicle.restExecutions.at(-1)).toEqual({ name: 'set_charging_amps', body: '{"charging_amps":8}' });
    // a firmware update brings the protocol
    vehicle.protocol = 'signed';
    for (const restRefusal of ['forbidden', 'hardlocked'] as const) {
      vehicle.restRefusal = restRefusal;
      expect(await rig.command('charge_start')).toMatchObject({ status: 200, body: done });
    }
    expect(vehicle.executions).toHaveLength(2);
    expect(vehicle.restExecutions).toHaveLength(3);
  });
});

it('lists every command with its parameters in the OpenAPI document', async ({ startRig }) => {
  const rig = await startRig();
  const { paths } = (await rig.request('/openapi.json')).body;
  const names = Object.keys(paths).flatMap(
    (path) => /^\/api\/1\/vehicles\/\{id\}\/command\/(.+)$/.exec(path)?.[1] ?? [],
  );
  expect(names).toEqual([...commandTable.keys()]);
  const { post } = paths['/api/1/vehicles/{id}/command/set_charging_amps'];
  expect(post.requestBody.content['application/json'].schema).toMatchObject({
    properties: { charging_amps: { type: 'integer' } },
    required: ['charging_amps'],
  });
});

it('serves clients of tesla-http-proxy with another address and token', async ({ startRig }) => {
  const rig = await startRig();
  const post = async (path: string, init: RequestInit) => {
    const headers = { authorization: `Bearer ${rig.token}`, ...init.headers };
    return await (await fetch(`${rig.url}/api/1/vehicles/${VIN}/${path}`, { method: 'POST', ...init, headers })).json();
  };
  const type = { 'content-type': 'application/json' };
  // evcc
  expect(await post('command/charge_start', { headers: type })).toEqual(done);
  expect(await post('command/set_charging_amps', { headers: type, body: '{"charging_amps":16}' })).toEqual(done);
  expect(await post('wake_up', { headers: type })).toMatchObject({ response: { state: 'online', vin: VIN } });
  // TWCManager, and scripts with curl -d
  expect(await post('command/charge_stop', {})).toEqual(done);
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  expect(await post('command/set_charge_limit', { headers: form, body: '{"percent": 80}' })).toEqual(done);
  expect(await post('command/charge_start/', { headers: type, body: 'null' })).toEqual(done);
  // Home Assistant
  expect(await post('command/wake_up', { headers: type, body: '{}' })).toMatchObject({ response: { state: 'online' } });
  expect(rig.fleet.vehicle.executions).toHaveLength(5);
});

it.for([
  [{ GATEWAY_PLAIN_HTTP: 'on' }, 'commands need TLS or loopback, but GATEWAY_PORT is plain HTTP on ::'],
  [{ GATEWAY_PLAIN_HTTP: 'on', GATEWAY_BIND: '192.0.2.1' }, 'GATEWAY_PORT is plain HTTP on 192.0.2.1'],
  [{ AUTH: 'none' }, 'commands need tokens, but AUTH is "none"'],
  [{}, undefined],
  [{ GATEWAY_PLAIN_HTTP: 'on', GATEWAY_BIND: '127.0.0.1' }, undefined],
  [{ GATEWAY_PLAIN_HTTP: 'on', COMMANDS_PLAIN_HTTP: 'on' }, undefined],
] as const)('with %j and COMMANDS=on the configuration is rejected: %s', ([env, problem]) => {
  const load = () => loadConfig(gatewayConfig, { env: { REDIS_URL: 'redis://127.0.0.1:1', COMMANDS: 'on', ...env } });
  if (problem === undefined) expect(load).not.toThrow();
  else
    expect(load).toThrow(
      expect.objectContaining({ mistakes: [{ variable: 'COMMANDS', problem: expect.stringContaining(problem) }] }),
    );
});

describe('access', () => {
  it('needs the scope, the command and the vehicle in the token', async ({ startRig }) => {
    const rig = await startRig({ vins: [VIN, OTHER_VIN] });
    const grant = (limits: { scopes?: string[]; commands?: string[] }) =>
      rig.tokens.create({ vin: VIN, label: '', nowMs: 1, ...limits });
    const reader = (await grant({})).token;
    const wallbox = (await grant({ scopes: ['command'], commands: ['charge_start', 'charge_stop'] })).token;
    for (const as of [TOKEN, reader]) expect((await rig.command('charge_start', {}, { as })).status).toBe(403);
    expect(await rig.command('door_unlock', {}, { as: wallbox })).toMatchObject({
      status: 403,
      body: { response: null, error_description: 'the token does not allow the vehicle command door_unlock' },
    });
    expect((await rig.command('charge_start', {}, { as: wallbox, vin: OTHER_VIN })).status).toBe(404);
    expect((await rig.command('charge_start', {}, { as: '' })).status).toBe(401);
    expect((await rig.wakeUp({ as: wallbox })).status).toBe(403);
    expect(await rig.command('charge_start', {}, { as: wallbox, query: '?wake=true' })).toMatchObject({
      status: 403,
      body: { error_description: 'the token does not allow the vehicle command wake_up' },
    });
    expect(rig.fleet.fleet.calls).toEqual([]);
    expect((await rig.command('charge_start', {}, { as: wallbox })).status).toBe(200);
    expect(rig.fleet.vehicle.executions).toHaveLength(1);
  });

  it('is audited', async ({ startRig }) => {
    const rig = await startRig();
    await rig.command('door_lock');
    rig.fleet.vehicle.play(httpFaults.offline);
    await rig.command('charge_start');
    expect(await new CommandAudit(rig.store).newest({ count: 5 })).toMatchObject([
      { vin: VIN, command: 'charge_start', outcome: 'unavailable', calls: 1 },
      {
        vin: VIN,
        command: 'door_lock',
        outcome: 'done',
        calls: 2,
        who: expect.stringMatching(/^token:/),
        label: 'test',
      },
    ]);
  });
});
