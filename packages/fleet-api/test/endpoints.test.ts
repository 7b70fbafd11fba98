// What each endpoint sends, and the typed form of Tesla's answers.
import { p256 } from '@noble/curves/nist.js';
import { afterEach, describe, expect, it } from 'vitest';
import { commandScopes, ownerScopes } from '../src/index.js';
import { type FleetServer, failure, ok, startFleetServer } from './fleet-server.js';

const VIN = '5YJ3E1EA7KF000001';
const OTHER = '5YJ3E1EA7KF000002';
const APPLICATION = { clientId: 'client', clientSecret: 'secret' };

let fleet: FleetServer;
afterEach(() => fleet.stop());

const owner = () => fleet.api.owner(() => Promise.resolve('token'));
const formOf = (index: number) => Object.fromEntries(new URLSearchParams(fleet.server.requests[index]!.body));

describe('sign-in', () => {
  it('has the address that the browser opens', async () => {
    fleet = await startFleetServer(() => ok({}));
    const request = { clientId: 'client', redirectUri: 'http://localhost:3000/callback', state: 's', nonce: 'n' };
    const scopes = [...ownerScopes, ...commandScopes];
    const url = new URL(fleet.api.authorizationUrl({ ...request, scopes, isPairingNext: true }));
    expect(url.origin + url.pathname).toBe(`${fleet.server.url}/oauth2/v3/authorize`);
    expect(Object.fromEntries(url.searchParams)).toEqual({
      response_type: 'code',
      client_id: 'client',
      redirect_uri: 'http://localhost:3000/callback',
      scope: 'openid offline_access user_data vehicle_device_data vehicle_location vehicle_cmds vehicle_charging_cmds',
      state: 's',
      nonce: 'n',
      prompt_missing_scopes: 'true',
      show_keypair_step: 'true',
    });
    // a key that opens cars is not asked for by default
    expect(fleet.api.authorizationUrl(request)).not.toContain('cmds');
  });

  it('uses the addresses of the region', async () => {
    fleet = await startFleetServer(() => ok({}));
    const request = { clientId: 'c', redirectUri: 'http://localhost/', state: 's', nonce: 'n' };
    const at = (region: 'na' | 'eu' | 'cn') => fleet.connect({ region, apiUrl: undefined, authUrl: undefined });
    expect(at('eu').apiUrl).toBe('https://fleet-api.prd.eu.vn.cloud.tesla.com');
    expect(at('na').authorizationUrl(request)).toMatch(/^https:\/\/auth\.tesla\.com\/oauth2\/v3\/authorize\?/);
    expect(at('cn').apiUrl).toBe('https://fleet-api.prd.cn.vn.cloud.tesla.cn');
    expect(at('cn').authorizationUrl(request)).toMatch(/^https:\/\/auth\.tesla\.cn\/oauth2\/v3\/authorize\?/);
  });

  it('exchanges a code, refreshes, and gets a token for the application', async () => {
    fleet = await startFleetServer(() => ({
      status: 200,
      body: { access_token: 'a', refresh_token: 'r2', expires_in: 28_800, token_type: 'Bearer' },
    }));
    const redirectUri = 'http://localhost:3000/callback';
    const expected = { accessToken: 'a', refreshToken: 'r2', expiresInSeconds: 28_800 };
    expect(await fleet.api.exchangeCode({ ...APPLICATION, code: 'c', redirectUri })).toEqual(expected);
    expect(await fleet.api.refresh({ clientId: 'client', refreshToken: 'r1' })).toEqual(expected);
    await fleet.api.partner(APPLICATION);
    const client = { client_id: 'client', client_secret: 'secret' };
    const audience = fleet.server.url;
    expect(formOf(0)).toEqual({
      grant_type: 'authorization_code',
      ...client,
      code: 'c',
      audience,
      redirect_uri: redirectUri,
    });
    expect(formOf(1)).toEqual({ grant_type: 'refresh_token', client_id: 'client', refresh_token: 'r1' });
    expect(formOf(2)).toEqual({
      grant_type: 'client_credentials',
      ...client,
      scope: 'openid vehicle_device_data vehicle_location',
      audience,
    });
    expect(fleet.server.requests.every(({ path }) => path === '/oauth2/v3/token')).toBe(true);
  });

  it.each([
    ['without an access token', { refresh_token: 'r', expires_in: 9 }],
    ['with a token that fits in no header', { access_token: 'a\nb', refresh_token: 'r', expires_in: 9 }],
    ['without a time', { access_token: 'a', refresh_token: 'r', expires_in: 'soon' }],
  ])('rejects an answer to a refresh %s', async (_name, body) => {
    fleet = await startFleetServer(() => ({ status: 200, body }));
    const refresh = fleet.api.refresh({ clientId: 'client', refreshToken: 'r1' });
    await expect(refresh).rejects.toMatchObject({ problem: 'answer_not_valid' });
  });
});

describe('the application', () => {
  it('registers a domain and reads its key', async () => {
    const key = `04${'AB'.repeat(64)}`;
    fleet = await startFleetServer(({ method, path }) => {
      if (path.endsWith('/token')) return { status: 200, body: { access_token: 'partner', expires_in: 28_800 } };
      if (method === 'POST') return ok({ domain: 'example.com' });
      return path.endsWith('=example.com') ? ok({ public_key: key }) : failure(404, 'not_found');
    });
    const partner = await fleet.api.partner(APPLICATION);
    await partner.register('example.com');
    expect(await partner.publicKey('example.com')).toBe(key.toLowerCase());
    expect(await partner.publicKey('other.example')).toBeUndefined();
    expect(fleet.server.requests[1]).toMatchObject({
      method: 'POST',
      path: '/api/1/partner_accounts',
      authorization: 'Bearer partner',
      body: '{"domain":"example.com"}',
    });
  });

  it('reads the errors of vehicles', async () => {
    const entry = { name: 'client', error: 'x509: unknown authority', error_name: 'tls', vin: VIN, created_at: 't' };
    fleet = await startFleetServer(({ path }) => {
      if (path.endsWith('/token')) return { status: 200, body: { access_token: 'partner', expires_in: 28_800 } };
      return path.endsWith('vins') ? ok({ vins: [VIN] }) : ok({ fleet_telemetry_errors: [entry, 7] });
    });
    const partner = await fleet.api.partner(APPLICATION);
    expect(await partner.telemetryErrors()).toEqual([
      { vin: VIN, errorName: 'tls', error: entry.error, createdAt: 't', problem: 'server_not_trusted' },
    ]);
    expect(await partner.telemetryErrorVins()).toEqual([VIN]);
  });
});

describe('the owner', () => {
  it('has vehicles on several pages, and products that are not vehicles', async () => {
    const vehicle = (vin: string) => ({ vin, id: 1, id_s: '1492931520123456789', state: 'online', display_name: null });
    fleet = await startFleetServer(({ path }) => {
      if (path === '/api/1/products') return ok([vehicle(VIN), { energy_site_id: 3 }]);
      if (path === '/api/1/vehicles?page=2') return { status: 200, body: { response: [vehicle(OTHER)] } };
      return { status: 200, body: { response: [vehicle(VIN)], pagination: { next: 2 } } };
    });
    const expected = { id: '1492931520123456789', state: 'online', displayName: undefined, accessType: undefined };
    expect(await owner().products()).toEqual([{ vin: VIN, ...expected }]);
    expect((await owner().vehicles()).map(({ vin }) => vin)).toEqual([VIN, OTHER]);
  });

  it('reads a region, a document and the status of vehicles', async () => {
    fleet = await startFleetServer(({ path }) => {
      if (path.endsWith('/region')) return ok({ region: 'eu', fleet_api_base_url: 'https://eu.example' });
      if (path.includes('vehicle_data')) return { status: 200, body: '{"response": {"id": 12345678901234567890}}' };
      return ok({
        key_paired_vins: [VIN],
        unpaired_vins: [OTHER],
        vehicle_info: {
          [VIN]: {
            firmware_version: '2026.26.6',
            total_number_of_keys: 3,
            vehicle_command_protocol_required: true,
            safety_screen_streaming_toggle_enabled: null,
          },
        },
      });
    });
    expect(await owner().region()).toEqual({ region: 'eu', apiUrl: 'https://eu.example' });
    expect((await owner().vehicleData(VIN, ['drive_state', 'location_data'])).body).toContain('12345678901234567890');
    expect(fleet.server.requests[1]!.path).toBe(
      `/api/1/vehicles/${VIN}/vehicle_data?endpoints=drive_state%3Blocation_data`,
    );
    const [paired, unpaired] = await owner().fleetStatus([VIN, OTHER]);
    expect(paired).toEqual({
      vin: VIN,
      isKeyPaired: true,
      firmware: '2026.26.6',
      telemetryVersion: undefined,
      keys: 3,
      isCommandProtocolRequired: true,
      isStreamingAllowed: undefined,
    });
    expect(unpaired).toMatchObject({ vin: OTHER, isKeyPaired: false });
  });

  it('sends a signed configuration, reads its state and deletes it', async () => {
    fleet = await startFleetServer(({ method }) => {
      if (method === 'POST') return ok({ updated_vehicles: 1, skipped_vehicles: { missing_key: [OTHER], new: ['V'] } });
      if (method === 'DELETE') return ok({ updated_vehicles: 1 });
      return ok({ synced: true, config: { port: 4443 }, limit_reached: false, key_paired: true });
    });
    const privateScalar = Buffer.alloc(32, 7);
    const key = { privateScalar, publicKey: p256.getPublicKey(privateScalar, false) };
    const claims = { hostname: 'telemetry.example.com', port: 4443 };
    expect(await owner().createConfiguration({ vins: [VIN, OTHER], claims, key })).toEqual({
      updated: 1,
      skipped: [
        { vin: OTHER, reason: 'missing_key', problem: 'missing_key' },
        { vin: 'V', reason: 'new', problem: 'request_rejected' },
      ],
    });
    const [sent] = fleet.server.requests;
    const { vins, token } = JSON.parse(sent!.body);
    expect([sent!.path, vins]).toEqual(['/api/1/vehicles/fleet_telemetry_config_jws', [VIN, OTHER]]);
    expect(JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString())).toMatchObject(claims);
    expect(await owner().configuration(VIN)).toEqual({
      synced: true,
      config: { port: 4443 },
      limitReached: false,
      keyPaired: true,
    });
    await owner().deleteConfiguration(VIN);
    expect(fleet.server.requests[2]).toMatchObject({
      method: 'DELETE',
      path: `/api/1/vehicles/${VIN}/fleet_telemetry_config`,
    });
  });

  it('passes commands and their answers on as they are', async () => {
    fleet = await startFleetServer(() => failure(429, 'Retry in 7 seconds'));
    const answer = await owner().signedCommand(VIN, '{"routable_message":"AA=="}', { timeoutMs: 30_000 });
    expect(answer).toMatchObject({ status: 429, retryAfterSeconds: 7 });
    await owner().command(VIN, 'flash_lights', '{}', { timeoutMs: 30_000 });
    expect(fleet.server.requests.map(({ path, body }) => [path, body])).toEqual([
      [`/api/1/vehicles/${VIN}/signed_command`, '{"routable_message":"AA=="}'],
      [`/api/1/vehicles/${VIN}/command/flash_lights`, '{}'],
    ]);
  });
});
