// Each failure of Tesla's side that is known has a meaning and a remedy.
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import {
  FleetApiError,
  type Problem,
  problemOfReport,
  problemOfSkipped,
  problemOfState,
  problemOfStatus,
  problems,
} from '../src/index.js';
import { type FleetServer, failure, startFleetServer } from './fleet-server.js';

const VIN = '5YJ3E1EA7KF000001';
let fleet: FleetServer | undefined;
afterEach(async () => {
  await fleet?.stop();
  fleet = undefined;
});

describe('an answer of the Fleet API', () => {
  it.each<[number, string, Problem]>([
    [400, 'Domain is not valid', 'domain_not_valid'],
    [400, 'hostname domain does not match with partner account', 'domain_mismatch'],
    [424, 'Public key download failed', 'public_key_download_failed'],
    [421, 'user out of region', 'wrong_region'],
    [403, 'Unauthorized missing scopes', 'scope_missing'],
    [403, 'limit_reached', 'limit_reached'],
    [403, 'account disabled: EXCEEDED_LIMIT', 'billing_limit'],
    [402, '', 'payment_required'],
    [401, 'invalid bearer token', 'token_rejected'],
    [404, 'not_found', 'vehicle_not_found'],
    [408, 'vehicle unavailable: vehicle is offline or asleep', 'vehicle_asleep'],
    [412, 'Account must be registered in the current region (na)', 'not_registered'],
    [429, '', 'rate_limited'],
    [400, 'something new', 'request_rejected'],
    [500, 'internal', 'tesla_failed'],
  ])('%d %s is %s', async (status, text, problem) => {
    fleet = await startFleetServer(({ path }) =>
      failure(path.endsWith('/region') ? 500 : status, path.endsWith('/region') ? '' : text),
    );
    const error: FleetApiError = await fleet.api
      .owner(() => Promise.resolve('token'))
      .fleetStatus([VIN])
      .catch((reason) => reason);
    expect(error).toBeInstanceOf(FleetApiError);
    const { meaning, remedy } = problems[problem];
    expect(error).toMatchObject({ problem, status, teslaError: text, meaning, remedy });
    expect(error.message).toContain(meaning);
    expect(JSON.parse(JSON.stringify(error))).toMatchObject({ problem, status, meaning, remedy });
  });
});

it.each<[number, string, Problem]>([
  [401, 'unauthorized_client', 'unauthorized_client'],
  [401, 'login_required', 'login_required'],
  [400, 'invalid_grant', 'login_required'],
])('an answer of the sign-in, %d %s, is %s', async (status, error, problem) => {
  fleet = await startFleetServer(() => ({ status, body: { error, error_description: 'words' } }));
  const refresh = fleet.api.refresh({ clientId: 'client', refreshToken: 'r' });
  await expect(refresh).rejects.toMatchObject({ problem, status, teslaError: `${error}: words` });
});

it.each(['missing_key', 'unsupported_hardware', 'unsupported_firmware', 'max_configs'] as const)(
  'a vehicle that is skipped for %s has this problem',
  (reason) => {
    expect(problemOfSkipped(reason)).toBe(reason);
  },
);

describe('the state of a configuration', () => {
  const state = { synced: true, config: { port: 4443 }, limitReached: false, keyPaired: true };

  it('is a problem when it is refused, at a limit, unpaired, or has its port as text', () => {
    expect(problemOfState({ ...state, config: undefined })).toBe('configuration_refused');
    expect(problemOfState({ ...state, limitReached: true })).toBe('limit_reached');
    expect(problemOfState({ ...state, keyPaired: false })).toBe('missing_key');
    expect(problemOfState({ ...state, config: { port: '4443' } })).toBe('port_is_text');
  });

  it('is no problem when the vehicle has it or waits for it', () => {
    expect(problemOfState(state)).toBeUndefined();
    expect(problemOfState({ ...state, synced: false, config: undefined })).toBeUndefined();
  });
});

it('a port as text is not sent', async () => {
  fleet = await startFleetServer(() => failure(500, ''));
  const key = { publicKey: new Uint8Array(65), privateScalar: new Uint8Array(32) };
  const sent = fleet.api
    .owner(() => Promise.resolve('token'))
    .createConfiguration({ vins: [VIN], claims: { port: '443' }, key });
  await expect(sent).rejects.toMatchObject({ problem: 'port_is_text', delivery: 'not_sent' });
  expect(fleet.server.requests).toHaveLength(0);
});

it.each<[string, string, Problem | undefined]>([
  [
    'config_manager_error',
    'InvalidSignature: invalid mailbox public key: only NIST-P256 ECDH keys permitted',
    'invalid_signature',
  ],
  ['config_manager_error', 'unable to apply', 'config_manager_error'],
  ['tls', "tls: client didn't provide a certificate", 'no_client_certificate'],
  ['connection', 'x509: certificate signed by unknown authority', 'server_not_trusted'],
  ['other', 'something new', undefined],
])('a vehicle that reports %s: %s', (errorName, error, problem) => {
  expect(problemOfReport({ errorName, error })).toBe(problem);
});

it('an old Model S or X with its switch off has a problem, a vehicle without the switch does not', () => {
  expect(problemOfStatus({ isKeyPaired: true, isStreamingAllowed: false })).toBe('streaming_toggle_off');
  expect(problemOfStatus({ isKeyPaired: false, isStreamingAllowed: true })).toBe('missing_key');
  expect(problemOfStatus({ isKeyPaired: true, isStreamingAllowed: undefined })).toBeUndefined();
});

it('docs/errors.md lists every problem with its meaning and remedy', () => {
  const page = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
  const listed = [...page.matchAll(/^\| `(\w+)` \| (.+) \| (.+) \|$/gm)].map(([row]) => row);
  const rows = Object.entries(problems).map(
    ([problem, { meaning, remedy }]) => `| \`${problem}\` | ${meaning} | ${remedy} |`,
  );
  expect(listed).toEqual(expect.arrayContaining(rows));
});

it('every problem has a meaning and a remedy in whole sentences', () => {
  for (const [problem, { meaning, remedy }] of Object.entries(problems)) {
    for (const text of [meaning, remedy]) {
      expect({ problem, text }).toEqual({ problem, text: expect.stringMatching(/^["`A-Z].*\.$/) });
    }
  }
});
