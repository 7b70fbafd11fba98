// Servers that read Tesla's documentation in another way: the same facts in other forms.
import { afterEach, describe, expect, it } from 'vitest';
import type { FleetApi, Problem } from '../src/index.js';
import { type FleetServer, ok, startFleetServer } from './fleet-server.js';

const VIN = '5YJ3E1EA7KF000001';
const KEY = `04${'ab'.repeat(64)}`;
const APPLICATION = { clientId: 'client', clientSecret: 'secret' };
const CODE = { ...APPLICATION, code: 'c', redirectUri: 'http://localhost/' };
const SCOPES = { scopes: ['openid', 'vehicle_location'] };
const REFRESH = { clientId: 'client', refreshToken: 'r1' };

let fleet: FleetServer;
afterEach(() => fleet.stop());

const owner = () => fleet.api.owner(() => Promise.resolve('token'));

async function answering(status: number, body: unknown): Promise<void> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  fleet = await startFleetServer(() => ({ status, body: text }));
}

async function partnerAnswering(status: number, body: unknown) {
  fleet = await startFleetServer(({ path }) =>
    path.endsWith('/token')
      ? { status: 200, body: { access_token: 'partner', refresh_token: null, expires_in: '28800' } }
      : { status, body: typeof body === 'string' ? body : JSON.stringify(body) },
  );
  return await fleet.api.partner(APPLICATION);
}

describe('tokens', () => {
  it.each([
    ['without a new refresh token', { access_token: 'a', expires_in: 9 }, { refreshToken: 'r1', expiresInSeconds: 9 }],
    ['with null', { access_token: 'a', refresh_token: null, expires_in: 9 }, { refreshToken: 'r1' }],
    ['with a time as text', { access_token: 'a', refresh_token: 'r2', expires_in: '9' }, { expiresInSeconds: 9 }],
    ['with scopes', { access_token: 'a', refresh_token: 'r2', scope: 'openid vehicle_location' }, SCOPES],
    ['without a time', { access_token: 'a', refresh_token: 'r2' }, { refreshToken: 'r2', expiresInSeconds: 28_800 }],
  ])('of a refresh %s are valid', async (_name, body, expected) => {
    await answering(200, body);
    expect(await fleet.api.refresh(REFRESH)).toMatchObject(expected);
  });

  it.each<[string, (api: FleetApi) => Promise<unknown>, number, string, Problem]>([
    ['a refresh', (api) => api.refresh(REFRESH), 400, 'invalid_grant', 'login_required'],
    ['a refresh', (api) => api.refresh(REFRESH), 401, 'invalid_token', 'login_required'],
    ['a refresh', (api) => api.refresh(REFRESH), 401, 'invalid_client', 'unauthorized_client'],
    ['a refresh', (api) => api.refresh(REFRESH), 400, 'invalid_request', 'request_rejected'],
    ['a refresh', (api) => api.refresh(REFRESH), 403, 'account disabled: EXCEEDED_LIMIT', 'billing_limit'],
    ['a code', (api) => api.exchangeCode(CODE), 400, 'invalid_grant', 'code_rejected'],
    ['a code', (api) => api.exchangeCode(CODE), 401, 'login_required', 'code_rejected'],
    ['a code', (api) => api.exchangeCode(CODE), 401, 'unauthorized_client', 'unauthorized_client'],
    ['the application', (api) => api.partner(APPLICATION), 401, 'access_denied', 'unauthorized_client'],
    ['the application', (api) => api.partner(APPLICATION), 503, 'busy', 'tesla_failed'],
  ])('of %s (%#) are refused by what was sent', async (_name, call, status, error, problem) => {
    await answering(status, { error });
    await expect(call(fleet.api)).rejects.toMatchObject({ problem, status });
  });
});

describe('an error', () => {
  it.each([
    ['of OAuth', { error: 'limit_reached', error_description: '', txid: 'x' }],
    ['in its description', { response: null, error: '', error_description: 'limit_reached' }],
    ['as an object', { error: { code: 'limit_reached', message: 'words' } }],
    ['in a list', { errors: [{ code: 'limit_reached' }] }],
    ['as a text', 'limit_reached'],
  ])('%s is recognized', async (_name, body) => {
    await answering(403, body);
    await expect(owner().fleetStatus([VIN])).rejects.toMatchObject({ problem: 'limit_reached' });
  });

  it.each<[string, Problem]>([
    ['something new', 'request_rejected'],
    ['account disabled: EXCEEDED_LIMIT', 'billing_limit'],
  ])('with status 200 has its words: %s', async (error, problem) => {
    await answering(200, { response: null, error, error_description: '' });
    await expect(owner().fleetStatus([VIN])).rejects.toMatchObject({ problem, status: 200, teslaError: error });
  });

  it.each(['', 'forbidden', 'Unauthorized missing scopes', 'scope vehicle_location is required'])(
    'of a scope is recognized: %s',
    async (error) => {
      await answering(403, { response: null, error });
      await expect(owner().vehicleData(VIN)).rejects.toMatchObject({ problem: 'scope_missing' });
    },
  );

  it('for a path without a VIN is not that of a vehicle', async () => {
    await answering(404, { error: 'not_found' });
    await expect(owner().region()).rejects.toMatchObject({ problem: 'answer_not_valid' });
    await expect(owner().vehicles()).rejects.toMatchObject({ problem: 'answer_not_valid', endpoint: 'products' });
    await expect(owner().vehicleData(VIN)).rejects.toMatchObject({ problem: 'vehicle_not_found' });
  });
});

describe('the registration', () => {
  it.each([
    [404, { error: 'not_found' }],
    [412, { error: 'Account must be registered in the current region' }],
    [403, { error: 'forbidden: domain not registered' }],
    [200, { response: { public_key: '' } }],
    [200, { response: { public_key: null } }],
    [200, { response: null }],
  ])('is missing with %d %j', async (status, body) => {
    expect(await (await partnerAnswering(status, body)).publicKey('example.com')).toBeUndefined();
  });

  it.each([{ response: { public_key: ` ${KEY.toUpperCase()}\n` } }, { response: KEY }])('is %j', async (body) => {
    expect(await (await partnerAnswering(200, body)).publicKey('example.com')).toBe(KEY);
  });

  it.each([
    [200, { response: {} }],
    [201, ''],
    [204, ''],
  ])('succeeds with %d %j', async (status, body) => {
    await (await partnerAnswering(status, body)).register('example.com');
  });
});

describe('vehicles', () => {
  it('are the products of a server without a list of vehicles', async () => {
    fleet = await startFleetServer(({ path }) =>
      path === '/api/1/products' ? ok([{ vin: VIN }, { energy_site_id: 1 }]) : { status: 404, body: '' },
    );
    expect((await owner().vehicles()).map(({ vin }) => vin)).toEqual([VIN]);
  });

  it.each([
    ['unpaired', {}, false],
    ['in no list', { key_paired_vins: [], vehicle_info: {} }, false],
    ['null', { key_paired_vins: null, unpaired_vins: null, vehicle_info: null }, false],
    ['in lower case', { key_paired_vins: [VIN.toLowerCase()], unpaired_vins: null }, true],
  ])('that Tesla names as %s have a status', async (_name, response, isKeyPaired) => {
    await answering(200, { response });
    expect(await owner().fleetStatus([VIN])).toMatchObject([{ vin: VIN, isKeyPaired }]);
  });

  it('have their firmware also in lower case', async () => {
    const vehicle_info = { [VIN.toLowerCase()]: { firmware_version: '2026.26.6', total_number_of_keys: '3' } };
    await answering(200, { response: { key_paired_vins: [VIN], vehicle_info } });
    expect(await owner().fleetStatus([VIN])).toMatchObject([{ firmware: '2026.26.6', keys: undefined }]);
  });
});

describe('a configuration', () => {
  it.each([
    [[{ vin: VIN }], { synced: false, config: undefined }],
    [[], { problem: 'vehicle_not_found' }],
  ])('is missing with 404 if the account has the vehicle: %j', async (vehicles, expected) => {
    fleet = await startFleetServer(({ path }) =>
      path === '/api/1/vehicles' ? ok(vehicles) : { status: 404, body: '' },
    );
    const state = await owner()
      .configuration(VIN)
      .catch((error) => error);
    expect(state).toMatchObject(expected);
  });

  it.each([
    [200, { response: null }],
    [200, { response: { config: null } }],
    [200, { response: { synced: false, config: {} } }],
  ])('is missing with %d %j', async (status, body) => {
    await answering(status, body);
    expect(await owner().configuration(VIN)).toMatchObject({ synced: false, config: undefined, limitReached: false });
  });

  it.each([
    [200, { response: null }],
    [200, {}],
    [200, ''],
    [204, ''],
  ])('is deleted with %d %j', async (status, body) => {
    await answering(status, body);
    await owner().deleteConfiguration(VIN);
  });

  it('is not deleted by the page of a proxy', async () => {
    await answering(200, '<html>please sign in</html>');
    await expect(owner().deleteConfiguration(VIN)).rejects.toMatchObject({ problem: 'answer_not_valid' });
  });
});

describe('reports of vehicles', () => {
  const entry = { vin: VIN.toLowerCase(), error: 'config_manager_error', error_name: 'e', created_at: 5 };
  it.each([
    { response: { fleet_telemetry_errors: [entry] } },
    { response: [entry] },
    { fleet_telemetry_errors: [entry] },
  ])('are read from %j', async (body) => {
    const reports = await (await partnerAnswering(200, body)).telemetryErrors();
    expect(reports).toMatchObject([{ vin: VIN, problem: 'config_manager_error', createdAt: undefined }]);
  });

  it.each([{ response: null }, { response: { fleet_telemetry_errors: null } }, { fleet_telemetry_errors: [] }])(
    'are an empty list in %j',
    async (body) => {
      expect(await (await partnerAnswering(200, body)).telemetryErrors()).toEqual([]);
    },
  );

  it.each([
    { response: { vins: [VIN] } },
    { response: { fleet_telemetry_error_vins: [VIN] } },
    { response: [VIN] },
    { vins: [VIN] },
  ])('have their vehicles in %j', async (body) => {
    expect(await (await partnerAnswering(200, body)).telemetryErrorVins()).toEqual([VIN]);
  });
});
