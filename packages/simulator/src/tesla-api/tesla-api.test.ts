import { afterEach, describe, expect, it } from 'vitest';
import { createApplicationKey } from '../../test/tesla-client.js';
import { allScopes, domain, http, startSetUp, vin } from '../../test/tesla-set-up.js';

const disposables: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const dispose of disposables.splice(0)) await dispose();
});

async function setUp(options: Parameters<typeof startSetUp>[0] = {}) {
  const started = await startSetUp(options);
  disposables.push(() => started.api.stop());
  return started;
}

describe("the stand-in's vehicles", () => {
  it('lists them, wakes them, and answers 408, 405 and 404', async () => {
    const { api, ready, call } = await setUp({ documentOf: () => ({ drive_state: { latitude: 1, speed: 2 } }) });
    const access = await ready();
    const { json } = await call('GET', 'products', access);
    expect(json).toMatchObject({ count: 1, response: [{ vin, state: 'online' }] });
    const { id } = json.response[0];
    expect((await call('GET', `vehicles/${id}/vehicle_data`, access)).json.response.drive_state.latitude).toBe(1);
    api.changeVehicle(vin, { isAwake: false });
    expect(await call('GET', `vehicles/${vin}/vehicle_data`, access)).toMatchObject({
      status: 408,
      json: { error: 'vehicle unavailable: vehicle is offline or asleep' },
    });
    expect((await call('POST', `vehicles/${vin}/wake_up`, access)).json.response.state).toBe('online');
    api.changeVehicle(vin, { isInService: true });
    expect((await call('GET', `vehicles/${vin}/vehicle_data`, access)).status).toBe(405);
    expect((await call('GET', 'vehicles/5YJ3E1EA7KF999999', access)).status).toBe(404);
    expect((await call('POST', 'products', access)).status).toBe(405);
    expect((await call('GET', 'anything', access)).status).toBe(404);
  });

  it('answers 401, 403, 412 and 421', async () => {
    const { api, ready, register, signIn, call } = await setUp();
    expect((await call('GET', 'vehicles', 'wrong')).status).toBe(401);
    const { access_token } = await signIn();
    expect((await call('GET', 'vehicles', access_token)).status).toBe(412);
    const narrow = await ready('openid user_data');
    expect(await call('GET', 'vehicles', narrow)).toMatchObject({
      status: 403,
      json: { error: 'Unauthorized missing scopes' },
    });
    await api.changeAccount({ region: 'eu' });
    expect((await call('GET', 'vehicles', access_token)).status).toBe(421);
    const { region, fleet_api_base_url } = (await call('GET', 'users/region', access_token)).json.response;
    expect([region, fleet_api_base_url]).toEqual(['eu', api.urls.eu]);
    await register(domain, api.urls.eu);
    expect((await http('GET', `${api.urls.eu}/api/1/vehicles`, { token: access_token })).status).toBe(200);
  });

  it('leaves out the location without its scope', async () => {
    const { ready, call, send } = await setUp({ documentOf: () => ({ drive_state: { latitude: 1, speed: 2 } }) });
    const access = await ready(allScopes.replace(' vehicle_location', ''));
    const { response } = (await call('GET', `vehicles/${vin}/vehicle_data`, access)).json;
    expect(response.drive_state).toEqual({ speed: 2 });
    const config = { hostname: domain, port: 443, ca: 'a CA' };
    for (const fields of [
      { Location: { interval_seconds: 1 } },
      { Soc: { interval_seconds: 1, include_fields: ['Location'] } },
    ]) {
      expect((await send(access, { ...config, fields })).status).toBe(403);
    }
  });

  it('pairs by the page that the owner opens, for the key that is registered then', async () => {
    const { api, register, signIn, call, published } = await setUp();
    const pairing = `${api.url}/_ak/${domain}?vin=${vin}`;
    expect((await http('GET', pairing)).status).toBe(404);
    await register();
    const { access_token } = await signIn();
    const status = async () =>
      (await call('POST', 'vehicles/fleet_status', access_token, { vins: [vin] })).json.response;
    expect(await status()).toMatchObject({ key_paired_vins: [], unpaired_vins: [vin] });
    expect((await http('GET', pairing)).status).toBe(200);
    expect(await status()).toMatchObject({
      key_paired_vins: [vin],
      vehicle_info: { [vin]: { firmware_version: '2026.26.6', total_number_of_keys: 2 } },
    });
    published.set(domain, createApplicationKey().publicKeyPem);
    await register();
    expect(await status()).toMatchObject({ unpaired_vins: [vin] });
  });
});
