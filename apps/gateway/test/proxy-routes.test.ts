// What tesla-http-proxy was recorded to answer before it reads a command, and what the gateway answers: the same, or the
// reason why not is named. packages/vehicle-command tests the recorded answers to commands. Other regions (421) and errors
// of Tesla are in command-account.test.ts and upstream.test.ts, several commands at once in command-limits.test.ts.
import { expect } from 'vitest';
import { type CommandRig, it } from './command-rig.js';
import { TOKEN, VIN } from './gateway-rig.js';

interface Recorded {
  scenario: string;
  /** Of the proxy. */
  status: number;
  body: string;
  send: (rig: CommandRig) => Promise<Response>;
  /** Of the gateway, where they differ. */
  ours?: { status: number; body: string | object; reason: string };
}

const COMMAND = `/api/1/vehicles/${VIN}/command/honk_horn`;
const passedOn = '{"response":{"rest":true}}';
const configApply = '`fleetbridge config apply` signs and sends it';
const done = '{"response":{"result":true,"reason":""}}';
const ownTokens = 'the token is one of the gateway, and 401 is what Tesla answers';
const noToken = { status: 401, body: { response: null, error: 'invalid bearer token' }, reason: ownTokens };

const send =
  (path: string, { method = 'POST', ...init }: RequestInit & { authorization?: string | undefined } = {}) =>
  ({ url, token }: CommandRig) => {
    const { authorization = `Bearer ${token}`, ...rest } = init;
    return fetch(url + path, { method, ...rest, headers: authorization === '' ? {} : { authorization } });
  };
const read = (path: string, init: RequestInit = {}) =>
  send(path, { method: 'GET', authorization: `Bearer ${TOKEN}`, ...init });
const withToken = (authorization: string) => send(COMMAND, { authorization });

const error = (text: string) => `{"response":null,"error":"${text}","error_description":""}`;

const recorded: Recorded[] = [
  { scenario: 'GET /health', status: 200, body: 'OK', send: send('/health', { method: 'GET', authorization: '' }) },
  {
    scenario: 'POST /health',
    status: 405,
    body: error('Method Not Allowed'),
    send: send('/health', { authorization: '' }),
    ours: { status: 405, body: { error: 'method not allowed' }, reason: 'the text is the one of all paths' },
  },
  {
    scenario: 'GET on a command',
    status: 405,
    body: error('Method Not Allowed'),
    send: send(COMMAND, { method: 'GET' }),
    ours: { status: 405, body: { error: 'method not allowed' }, reason: 'the text is the one of all paths' },
  },
  {
    scenario: 'no Authorization header',
    status: 403,
    body: error('client did not provide an OAuth token'),
    send: withToken(''),
    ours: noToken,
  },
  {
    scenario: 'Authorization not Bearer',
    status: 403,
    body: error('client did not provide an OAuth token'),
    send: withToken('Basic dGVzdDp0ZXN0'),
    ours: noToken,
  },
  {
    scenario: 'token that is not a JWT',
    status: 403,
    body: error('client provided malformed OAuth token'),
    send: withToken('Bearer abc'),
    ours: noToken,
  },
  {
    scenario: 'token whose middle part is not base64',
    status: 403,
    body: error('client provided malformed OAuth token: illegal base64 data at input byte 0 (***)'),
    send: withToken('Bearer a.***.c'),
    ours: { ...noToken, reason: `${ownTokens}; no part of a token is in an answer` },
  },
  {
    scenario: 'token whose base64url has a - or _',
    status: 403,
    body: error(
      'client provided malformed OAuth token: illegal base64 data at input byte 47 (eyJhdWQiOlsiaHR0cHM6Ly96ei50ZXN0Il0sInN1YiI6ImF-fn4_In0)',
    ),
    send: withToken('Bearer a.eyJhdWQiOlsiaHR0cHM6Ly96ei50ZXN0Il0sInN1YiI6ImF-fn4_In0.c'),
    ours: { ...noToken, reason: `${ownTokens}; no part of a token is in an answer` },
  },
  {
    scenario: 'VIN of 16 characters',
    status: 404,
    body: error('expected 17-character VIN in path (do not user Fleet API ID)'),
    send: send(`/api/1/vehicles/${VIN.slice(1)}/command/honk_horn`),
    ours: { status: 404, body: { error: 'not_found' }, reason: 'ids are accepted too; this one is unknown' },
  },
  {
    scenario: 'trailing slash after the command',
    status: 200,
    body: passedOn,
    send: send(`${COMMAND}/`),
    ours: { status: 200, body: done, reason: 'is signed; the proxy passes it on unsigned' },
  },
  {
    scenario: 'pass-through GET vehicle_data',
    status: 200,
    body: passedOn,
    send: read(`/api/1/vehicles/${VIN}/vehicle_data`),
    ours: { status: 408, body: { response: null }, reason: 'is answered from telemetry, which has nothing here' },
  },
  {
    scenario: 'pass-through POST wake_up',
    status: 200,
    body: passedOn,
    send: send(`/api/1/vehicles/${VIN}/wake_up`),
    ours: { status: 200, body: { response: { vin: VIN, state: 'online' } }, reason: 'waits, and is limited' },
  },
  {
    scenario: 'pass-through of any path',
    status: 200,
    body: passedOn,
    send: read('/api/1/users/me'),
    ours: { status: 404, body: { error: 'not_found: unknown path' }, reason: 'only GATEWAY_UPSTREAM_PATHS are' },
  },
  {
    scenario: 'pass-through DELETE',
    status: 200,
    body: passedOn,
    send: read(`/api/1/vehicles/${VIN}/fleet_telemetry_config`, { method: 'DELETE' }),
    ours: { status: 404, body: { error: 'not_found: unknown path' }, reason: 'only GET is forwarded' },
  },
  {
    scenario: 'fleet_telemetry_config POST',
    status: 200,
    body: passedOn,
    send: read('/api/1/vehicles/fleet_telemetry_config', { method: 'POST' }),
    ours: { status: 405, body: { error: 'method not allowed' }, reason: configApply },
  },
  {
    scenario: 'fleet_telemetry_config GET',
    status: 400,
    body: error('could not parse JSON body: unexpected end of JSON input'),
    send: read('/api/1/vehicles/fleet_telemetry_config'),
    ours: { status: 404, body: { error: 'not_found' }, reason: configApply },
  },
  {
    scenario: 'fleet_telemetry_config not JSON',
    status: 400,
    body: error('could not parse JSON body: unexpected end of JSON input'),
    send: read('/api/1/vehicles/fleet_telemetry_config', { method: 'POST', body: 'x' }),
    ours: { status: 415, body: { error: 'unsupported_media_type' }, reason: configApply },
  },
  {
    scenario: 'command/wake_up, car answers online',
    status: 200,
    body: done,
    send: send(`/api/1/vehicles/${VIN}/command/wake_up`),
    ours: {
      status: 200,
      body: { response: { result: true, reason: '', vin: VIN, state: 'online' } },
      reason: 'has the state of the vehicle too',
    },
  },
  {
    scenario: 'command/wake_up, car stays asleep (session cached)',
    status: 200,
    body: done,
    send: (rig) => {
      rig.fleet.vehicle.sleep({ wakesAfterCalls: 9 });
      return send(`/api/1/vehicles/${VIN}/command/wake_up?wait=0`)(rig);
    },
    ours: {
      status: 200,
      body: { response: { result: false, reason: 'could_not_wake_buses', vin: VIN } },
      reason: 'a vehicle that stays asleep is no success',
    },
  },
];

it('answers as tesla-http-proxy was recorded to, except for the differences that are named', async ({ startRig }) => {
  const rig = await startRig({ env: { COMMAND_STATUS_CODES: 'proxy' } });
  for (const { scenario, status, body, send: request, ours } of recorded) {
    const answer = await request(rig);
    const text = await answer.text();
    const expected = ours ?? { status, body };
    expect([scenario, answer.status]).toEqual([scenario, expected.status]);
    if (typeof expected.body === 'string') expect([scenario, text]).toEqual([scenario, expected.body]);
    else expect({ scenario, body: JSON.parse(text) }).toMatchObject({ scenario, body: expected.body });
    // a difference that has ended is removed from the list
    if (ours !== undefined) expect([ours.reason, answer.status, text]).not.toEqual([ours.reason, status, body]);
  }
  // the one with the trailing slash
  expect(rig.fleet.vehicle.executions).toHaveLength(1);
});
