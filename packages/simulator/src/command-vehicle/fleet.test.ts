import { Domain } from '@fleetbridge/vehicle-command';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type ClientServer,
  type SignedClient,
  signedClient,
  startClientServer,
  VIN,
} from '../../test/signed-client.js';
import { type Fault, httpFaults, type PlayedFault, payloads } from './index.js';

const { VEHICLE_SECURITY, INFOTAINMENT } = Domain;
let client: SignedClient;
let server: ClientServer;
beforeAll(async () => {
  server = await startClientServer();
});
afterAll(() => server.stop());

describe('without faults', () => {
  it('executes in both domains: two calls for the first command, one for the next', async () => {
    client = signedClient(server);
    for (const name of ['door_lock', 'charge_start', 'door_unlock', 'charge_stop']) {
      expect(await client.execute(name)).toMatchObject({ outcome: { kind: 'done' } });
    }
    expect(client.fleet.calls.map(({ kind, domain }) => `${kind} ${domain}`)).toEqual([
      'handshake 2',
      'command 2',
      'handshake 3',
      'command 3',
      'command 2',
      'command 3',
    ]);
    expect(client.vehicle.executions.map(({ domain, action, counter }) => [domain, action, counter])).toEqual([
      [2, 'RKE_ACTION_LOCK', 1],
      [3, 'chargingStartStopAction', 1],
      [2, 'RKE_ACTION_UNLOCK', 2],
      [3, 'chargingStartStopAction', 2],
    ]);
  });
});

/** By name: the fault, the outcome of `door_lock` or `charge_start`, how often it was executed, calls on a warm session. */
const infotainment: [string, Fault | Omit<PlayedFault, 'domain'>, string, number, number?][] = [
  ['BUSY once', { kind: 'message_fault', fault: 1, withSessionInfo: false }, 'done', 1, 2],
  [
    'BUSY always',
    { fault: { kind: 'message_fault', fault: 1, withSessionInfo: false }, repeat: 'always' },
    'gave_up',
    0,
  ],
  ['WAIT always', { fault: { kind: 'wait' }, repeat: 'always' }, '*', 0],
  ['UNKNOWN_KEY_ID', { kind: 'message_fault', fault: 3, withSessionInfo: false }, 'not_paired', 0, 1],
  ['INSUFFICIENT_PRIVILEGES', { kind: 'message_fault', fault: 7, withSessionInfo: false }, 'fault', 0, 1],
  ['an unknown fault', { kind: 'message_fault', fault: 99, withSessionInfo: false }, 'fault', 0, 1],
  ['a reboot', { kind: 'reboot' }, 'done', 1, 2],
  ['a reboot of both domains', { kind: 'reboot', both: true }, 'done', 1, 2],
  ['its clock set forward', { kind: 'clock_shifted', seconds: 3600 }, 'done', 1, 2],
  ['its clock set back', { kind: 'clock_shifted', seconds: -500 }, '*', 1],
  ['counters used by another client', { kind: 'counters_used', count: 40 }, 'done', 1, 2],
  ['a counter at its end', { kind: 'counter_set', counter: 0xffff_ffff }, 'failed', 0],
  ['a replaced computer', { kind: 'replaced' }, 'done', 1],
  ['refusal with a reason', payloads.refused('is_charging'), 'refused', 0, 1],
  ['refusal without a reason', payloads.refused(), 'refused', 0, 1],
  ['a payload that is not protobuf', payloads.notProtobuf, '*', 1],
  ['an unknown field in the payload', payloads.unknownField(INFOTAINMENT), 'done', 1, 1],
  ['a plain answer', { kind: 'answer', flaw: 'plain' }, 'done', 1, 1],
  ['tampered ciphertext', { kind: 'answer', flaw: 'tampered_ciphertext' }, 'unknown', 1],
  ['a tampered fault', { kind: 'answer', flaw: 'tampered_fault' }, 'unknown', 1],
  ['a foreign routing address', { kind: 'answer', flaw: 'foreign_routing_address' }, 'unknown', 1],
  ['a foreign request_uuid', { kind: 'answer', flaw: 'foreign_request_uuid' }, 'unknown', 1],
  ['the answer before', { kind: 'answer', flaw: 'previous_answer' }, 'unknown', 1],
  ['an answer for another request', { kind: 'answer', flaw: 'other_request' }, 'unknown', 1],
  ['unknown fields', { kind: 'answer', flaw: 'unknown_fields' }, 'done', 1, 1],
  ['body null', httpFaults.bodyNull, 'unknown', 1],
  ['body {}', httpFaults.bodyEmptyObject, 'unknown', 1],
  ['body in text', httpFaults.bodyText, '*', 1],
  ['a body of 100 KB', httpFaults.bodyLarge, 'unknown', 1],
  ['401', httpFaults.unauthorized, 'http_error', 0, 1],
  ['402', httpFaults.paymentRequired, 'http_error', 0, 1],
  ['403', httpFaults.forbidden, 'http_error', 0, 1],
  ['404', httpFaults.notFound, 'http_error', 0, 1],
  ['408', httpFaults.offline, 'unavailable', 0, 1],
  ['408 with the other text', httpFaults.unavailable, 'unavailable', 0, 1],
  ['412', httpFaults.preconditionFailed, 'http_error', 0, 1],
  ['421 with the host in its text', httpFaults.misdirectedText('https://fleet-api.example'), '*', 0],
  ['421 with Alt-Svc', httpFaults.misdirectedHeader('fleet-api.example'), '*', 0],
  ['422', httpFaults.noProtocol, 'needs_rest', 0, 1],
  ['429', httpFaults.tooMany(7), 'http_error', 0, 1],
  ['500', httpFaults.serverError, '*', 1],
  ['502', httpFaults.badGateway, '*', 1],
  ['503', httpFaults.notAvailable, '*', 1],
  ['503 after executing', httpFaults.notAvailableAfterExecution, 'unknown', 1],
  ['504', httpFaults.gatewayTimeout, '*', 1],
  ['a cut before', httpFaults.cutBefore, 'done', 1],
  ['a cut after', httpFaults.cutAfter, 'unknown', 1],
  ['a body that is cut', { kind: 'slow_body', pauseMs: 5, cut: true }, 'unknown', 1],
  ['a slow body', { kind: 'slow_body', pauseMs: 20 }, 'done', 1, 1],
  ['two deliveries', { kind: 'delivered_twice' }, 'unknown', 1],
];

const security: typeof infotainment = [
  ['a reboot', { kind: 'reboot' }, 'done', 1, 2],
  ['a nominal error', payloads.nominalError(2), 'refused', 0, 1],
  ['commandStatus OK', payloads.commandStatus('OK'), 'done', 1, 1],
  ['commandStatus WAIT', payloads.commandStatus('WAIT'), 'unknown', 0],
  ['commandStatus ERROR', payloads.commandStatus('ERROR'), '*', 0],
  ['tampered ciphertext', { kind: 'answer', flaw: 'tampered_ciphertext' }, 'unknown', 1],
  ['a replaced computer', { kind: 'replaced' }, 'done', 1],
  ['a cut after', httpFaults.cutAfter, 'unknown', 1],
  ['two deliveries', { kind: 'delivered_twice' }, 'unknown', 1],
];

describe.each([
  ['charge_start', INFOTAINMENT, infotainment],
  ['door_lock', VEHICLE_SECURITY, security],
] as const)('%s', (name, domain, cases) => {
  it.each(cases)('with %s', async (_, fault, outcome, executions, calls) => {
    client = signedClient(server);
    await client.execute(name);
    const before = client.fleet.calls.length;
    client.vehicle.play({
      ...('fault' in fault && typeof fault.fault === 'object' ? fault : { fault: fault as Fault }),
      domain,
    });
    const result = await client.execute(name);
    if (outcome !== '*') expect(result.outcome).toMatchObject({ kind: outcome });
    expect(client.vehicle.executions.length - 1).toBe(executions);
    if (calls !== undefined) expect(client.fleet.calls.length - before).toBe(calls);
  });
});

it.each([true, false])(
  'never executes twice for any fault of the envelope, session info: %s',
  async (withSessionInfo) => {
    client = signedClient(server);
    for (let fault = 1; fault <= 29; fault++) {
      for (const [name, domain] of [
        ['charge_start', INFOTAINMENT],
        ['door_lock', VEHICLE_SECURITY],
      ] as const) {
        const before = client.vehicle.executions.length;
        client.vehicle.play({ fault: { kind: 'message_fault', fault, withSessionInfo }, domain, messages: 'commands' });
        const { outcome } = await client.execute(name);
        const executed = client.vehicle.executions.length - before;
        expect(executed, `${name}, fault ${fault}`).toBe(outcome.kind === 'done' ? 1 : 0);
      }
    }
  },
);

describe('handshakes', () => {
  it.each(['wrong_tag', 'no_tag', 'wrong_challenge', 'compressed_key', 'invalid_key'] as const)(
    'with %s execute nothing until one is right',
    async (flaw) => {
      client = signedClient(server);
      client.vehicle.play({ fault: { kind: 'session_info', flaw }, messages: 'handshakes' });
      await client.execute('door_lock');
      expect(client.vehicle.executions.length).toBeLessThanOrEqual(1);
      client.vehicle.faults.clear();
      expect((await client.execute('door_lock')).outcome).toEqual({ kind: 'done' });
    },
  );

  it('of an unpaired key are refused in both ways', async () => {
    client = signedClient(server);
    client.vehicle.play({ kind: 'session_info', flaw: 'not_paired' });
    expect((await client.execute('door_lock')).outcome).toEqual({ kind: 'not_paired' });
    client.vehicle.change(VEHICLE_SECURITY, { paired: new Map() });
    expect((await client.execute('door_lock')).outcome).toEqual({ kind: 'not_paired' });
    expect(client.vehicle.executions).toEqual([]);
  });
});

it('plays a fault for the n-th message of a domain only', async () => {
  client = signedClient(server);
  client.vehicle.play({ fault: httpFaults.offline, domain: INFOTAINMENT, messages: 'commands', nth: 2 });
  const outcomes: string[] = [];
  for (const name of ['charge_start', 'door_lock', 'charge_start', 'door_lock', 'charge_start']) {
    outcomes.push((await client.execute(name)).outcome.kind);
  }
  expect(outcomes).toEqual(['done', 'done', 'unavailable', 'done', 'done']);
});

it('answers later than the limit, and not at all', async () => {
  client = signedClient(server, { answerMs: 50 });
  // on a busy machine the handshake may take longer; the faults are for the command that follows it
  while ((await client.execute('charge_start')).outcome.kind !== 'done');
  for (const fault of [
    { kind: 'late', delayMs: 60_000 },
    { kind: 'never', when: 'after' },
  ] as Fault[]) {
    const before = client.vehicle.executions.length;
    client.vehicle.play(fault);
    expect((await client.execute('charge_start')).outcome.kind).toBe('unknown');
    expect(client.vehicle.executions.length).toBe(before + 1);
  }
});

it('swaps two messages: infotainment executes each once', async () => {
  client = signedClient(server);
  for (const name of ['charge_start', 'door_lock']) await client.execute(name);
  client.vehicle.play({ fault: { kind: 'swapped' }, domain: INFOTAINMENT });
  const both = await Promise.all([client.execute('charge_start'), client.execute('charge_stop')]);
  expect(both.map(({ outcome }) => outcome.kind)).toEqual(['done', 'done']);
  expect(client.vehicle.executions.slice(2).map(({ counter }) => counter)).toEqual([3, 2]);
});

it('sleeps until it was woken often enough or long enough', async () => {
  client = signedClient(server);
  const wake = async () => {
    const result = await client.post(`/api/1/vehicles/${VIN}/wake_up`, {});
    return result.kind === 'http' ? JSON.parse(result.body).response.state : result.kind;
  };
  client.vehicle.sleep({ wakesAfterCalls: 2 });
  expect((await client.execute('door_lock')).outcome.kind).toBe('unavailable');
  expect([await wake(), await wake()]).toEqual(['asleep', 'online']);
  expect((await client.execute('door_lock')).outcome.kind).toBe('done');
  client.vehicle.sleep({ wakesAfterMs: 20_000 });
  expect([await wake(), await wake()]).toEqual(['asleep', 'asleep']);
  client.advance(20_000);
  expect((await client.execute('door_lock')).outcome.kind).toBe('done');
  client.vehicle.sleep({ wakesAfterCalls: Number.POSITIVE_INFINITY });
  expect([await wake(), await wake(), await wake(), await wake()]).toEqual(Array(4).fill('asleep'));
});

it('is an older vehicle, or one that takes only signed commands', async () => {
  client = signedClient(server);
  const rest = () => client.post(`/api/1/vehicles/${VIN}/command/set_charge_limit`, { percent: 80 });
  expect(await rest()).toMatchObject({ status: 403 });
  client.vehicle.restRefusal = 'hardlocked';
  expect(await rest()).toMatchObject({ status: 200, body: expect.stringContaining('unsigned_cmds_hardlocked') });
  client.vehicle.protocol = 'rest';
  expect(await rest()).toMatchObject({ status: 200, body: '{"response":{"result":true,"reason":""}}' });
  expect(client.vehicle.restExecutions).toEqual([{ name: 'set_charge_limit', body: '{"percent":80}' }]);
  expect((await client.execute('door_lock')).outcome).toMatchObject({ kind: 'needs_rest', because: 'vehicle' });
});

it('answers fleet_status, and nothing that is not one of its endpoints', async () => {
  client = signedClient(server);
  const status = await client.post('/api/1/vehicles/fleet_status', { vins: [VIN, '5YJ3E1EA7KF000009'] });
  expect(status.kind === 'http' && JSON.parse(status.body).response).toMatchObject({
    key_paired_vins: [VIN],
    unpaired_vins: [],
    vehicle_info: { [VIN]: { vehicle_command_protocol_required: true } },
  });
  const handle = (method: string, path: string) => client.fleet.handleFleetRequest(method, path, {}, '');
  expect(await handle('GET', `/api/1/vehicles/${VIN}/vehicle_data`)).toBeUndefined();
  expect(await handle('POST', `/api/1/vehicles/${VIN}/wake_up`)).toMatchObject({ status: 401 });
  expect(await handle('GET', `/api/1/vehicles/${VIN}/wake_up`)).toMatchObject({ status: 405 });
});
