// Requests that the gateway forwards to Tesla with the owner's account, and fresh documents, against the stand-in of Tesla.

import { loadConfig } from '@fleetbridge/service';
import { SeedStore } from '@fleetbridge/store';
import { connectTesla } from '@fleetbridge/tesla-account';
import { describe, expect } from 'vitest';
import { gatewayConfig } from '../src/config.js';
import { createRig, OTHER_VIN, parked, TOKEN, VIN } from './gateway-rig.js';
import { FORWARDED, it, startAnswers } from './upstream-rig.js';

const DAY_MS = 86_400_000;
const REFRESH = `/api/1/vehicles/${VIN}/vehicle_data?refresh=true`;

describe('a forwarded path', () => {
  it("is answered by Tesla with the owner's account, and counted", async ({ startUpstream }) => {
    const rig = await startUpstream();
    const { status, body, headers } = await rig.request(FORWARDED);
    expect([status, body]).toEqual([200, { response: expect.objectContaining({ synced: expect.any(Boolean) }) }]);
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(rig.api.calls.list.at(-1)).toMatchObject({ endpoint: 'get_config', vehicle: VIN, status: 200 });
    expect(await rig.used()).toBe(1);
    expect(rig.events('upstream_call_answered')).toMatchObject([{ vin: VIN, path: 'vehicles/fleet_telemetry_config' }]);
    expect(await rig.registry.metrics()).toMatch(
      /fleetbridge_gateway_tesla_calls_total\{[^}]*status="200",billed="true"[^}]*\} [1-9]/,
    );
    const counted = await rig.registry.getSingleMetric('fleetbridge_gateway_upstream_requests_total')!.get();
    expect(counted.values).toEqual([{ labels: { outcome: 'answered' }, value: 1 }]);
  });

  it('names the vehicle by its VIN at Tesla, whatever the client calls it', async ({ startUpstream }) => {
    const rig = await startUpstream();
    const [{ id, vehicle_id }] = await rig.products();
    for (const name of [id, vehicle_id]) {
      expect((await rig.request(FORWARDED.replace(VIN, String(name)))).status).toBe(200);
      expect(rig.api.calls.list.at(-1)).toMatchObject({ endpoint: 'get_config', vehicle: VIN });
    }
  });

  it('needs a token of the vehicle, an allowed path, and GET', async ({ startUpstream }) => {
    const rig = await startUpstream({
      env: {
        ALLOWED_VINS: `${VIN},${OTHER_VIN}`,
        GATEWAY_UPSTREAM_PATHS: `${FORWARDED.replace(VIN, '*')}, /api/1/users/me`,
      },
    });
    const { token } = await rig.tokens.create({ vin: OTHER_VIN, label: 'other', nowMs: 1 });
    const { token: commandToken } = await rig.tokens.create({ vin: '*', label: 'c', nowMs: 1, scopes: ['command'] });
    const statusOf = async (path: string, init: Parameters<typeof rig.request>[1] = {}) =>
      (await rig.request(path, init)).status;
    expect(await statusOf(FORWARDED, { token: 'wrong' })).toBe(401);
    expect(await statusOf(FORWARDED, { token: '' })).toBe(401);
    expect(await statusOf(FORWARDED, { token: commandToken })).toBe(401);
    expect(await statusOf(FORWARDED, { token })).toBe(404);
    expect(await statusOf(FORWARDED.replace(VIN, '5YJ3E1EA7KF000009'))).toBe(404);
    expect(await statusOf('/api/1/users/me', { token })).toBe(403);
    expect(await statusOf(FORWARDED, { method: 'DELETE' })).toBe(404);
    expect(await statusOf(FORWARDED, { method: 'HEAD' })).toBe(404);
    expect(await statusOf(`/api/1/vehicles/${VIN}/recent_alerts`)).toBe(404);
    expect(await rig.used()).toBe(0);
    expect(rig.api.calls.count('get_config') + rig.api.calls.count('delete_config')).toBe(0);
    expect(await statusOf(FORWARDED.replace(VIN, OTHER_VIN), { token })).toBe(200);
  });

  it('has the token of the owner, and nothing of the client but its query', async ({ store, cleanup, folder }) => {
    const tesla = await startAnswers(folder, () => ({ status: 200, body: { response: [] } }));
    cleanup.push(() => tesla.stop());
    const settings = { FLEET_API_URL: tesla.url, FLEET_AUTH_URL: tesla.url, FLEET_CA_FILE: `${folder}/tesla-ca.pem` };
    const { account } = await connectTesla({ store, dataDirectory: folder, settings, owner: 'setup' });
    await account.signIn(
      { accessToken: 'token-of-the-owner', refreshToken: 'r', expiresInSeconds: 28_800 },
      { clientId: 'c' },
    );
    const rig = await createRig(store, {
      isRealClock: true,
      env: { DATA_DIR: folder, GATEWAY_UPSTREAM_PATHS: '/api/1/vehicles/*/nearby_charging_sites', ...settings },
    });
    cleanup.push(() => rig.stop());
    const path = `/api/1/vehicles/${VIN}/nearby_charging_sites`;
    const { status } = await rig.request(`${path}?count=3&token=${TOKEN}`, { token: '' });
    expect(status).toBe(200);
    expect(tesla.requests).toEqual([
      { method: 'GET', path: `${path}?count=3`, authorization: 'Bearer token-of-the-owner', body: '' },
    ]);
  });
});

describe('the budget', () => {
  it('refuses calls above it in every gateway, and has new ones on the next day', async ({ startUpstream }) => {
    const rig = await startUpstream({ env: { GATEWAY_UPSTREAM_CALLS_PER_DAY: '5' } });
    const second = await rig.second();
    const answers = await Promise.all(
      Array.from({ length: 16 }, (_, n) => (n % 2 === 0 ? rig : second).request(FORWARDED)),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(11);
    expect(refused[0]!.body).toMatchObject({ response: null, error: 'budget_exceeded', problem: 'budget_exceeded' });
    expect(refused[0]!.body.error_description).toContain('GATEWAY_UPSTREAM_CALLS_PER_DAY');
    // the rig's clock is at 8:00
    expect(refused[0]!.headers.get('retry-after')).toBe(String(16 * 3_600));
    expect(rig.api.calls.count('get_config')).toBe(5);
    expect(rig.events('upstream_budget_exceeded')).toHaveLength(1);
    expect((await rig.request(REFRESH)).status).toBe(429);
    expect(rig.api.calls.count('vehicle_data')).toBe(0);
    rig.clock.nowMs += DAY_MS;
    expect((await rig.request(FORWARDED)).status).toBe(200);
  });

  it('counts an answer with an error, and no call that did not leave', async ({ startUpstream }) => {
    const rig = await startUpstream();
    rig.api.faults.add({ endpoint: 'get_config', play: { kind: 'answer', status: 503, error: 'busy' } });
    expect((await rig.request(FORWARDED)).body).toMatchObject({ error: 'tesla_failed', tesla_status: 503 });
    rig.api.faults.add({ endpoint: 'get_config', play: { kind: 'cut' } });
    expect((await rig.request(FORWARDED)).body).toMatchObject({ problem: 'answer_lost' });
    expect(rig.api.calls.count('get_config')).toBe(2);
    expect(await rig.used()).toBe(2);
    await rig.api.stop();
    const { status, body } = await rig.request(FORWARDED);
    expect([status, body.problem]).toEqual([502, 'not_reachable']);
    expect(await rig.used()).toBe(2);
  });

  it('of 0 sends nothing', async ({ startUpstream }) => {
    const rig = await startUpstream({ env: { GATEWAY_UPSTREAM_CALLS_PER_MONTH: '0' } });
    expect((await rig.request(FORWARDED)).body.error_description).toContain('per month');
    expect(rig.api.calls.count('get_config')).toBe(0);
  });
});

describe("Tesla's errors", () => {
  it.for([
    [401, 'invalid bearer token', 502, 'token_rejected'],
    [403, 'Unauthorized missing scopes', 502, 'scope_missing'],
    [404, 'not_found', 404, 'vehicle_not_found'],
    [408, 'vehicle unavailable: vehicle is offline or asleep', 408, 'vehicle_asleep'],
    [429, 'Retry in 7 seconds', 429, 'rate_limited'],
  ] as const)(
    '%i %s is answered with %i and the problem',
    async ([status, error, answered, problem], { startUpstream }) => {
      const rig = await startUpstream();
      rig.api.faults.add({
        endpoint: 'get_config',
        times: 2,
        play: { kind: 'answer', status, error, retryAfterSeconds: 7 },
      });
      const { body, headers, ...answer } = await rig.request(FORWARDED);
      expect(answer.status).toBe(answered);
      expect(body).toMatchObject({ response: null, problem, tesla_status: status });
      expect(body.error_description).toMatch(/\w+\. \w+/);
      // a status that is passed on keeps Tesla's words, which clients recognize
      expect(body.error).toBe(answered === status ? error : problem);
      if (answered === 429) expect(headers.get('retry-after')).toBe('7');
    },
  );

  it('are JSON also for a page of a proxy', async ({ startUpstream }) => {
    const rig = await startUpstream();
    rig.api.faults.add({ endpoint: 'get_config', play: { kind: 'answer', status: 200, body: '<html>hello</html>' } });
    const { status, body } = await rig.request(FORWARDED);
    expect([status, body.error]).toEqual([502, 'answer_not_valid']);
    expect(JSON.stringify(body)).not.toContain('hello');
  });

  it('of a missing and of a revoked sign-in name the remedy', async ({ startUpstream }) => {
    const unsigned = await startUpstream({ isSignedIn: false });
    const { status, body } = await unsigned.request(FORWARDED);
    expect([status, body.error]).toEqual([503, 'not_signed_in']);
    expect(body.error_description).toContain('fleetbridge setup');
    expect(await unsigned.used()).toBe(0);

    const rig = await startUpstream();
    rig.api.revokeSignIn();
    const revoked = await rig.request(FORWARDED);
    expect([revoked.status, revoked.body.error]).toEqual([502, 'login_required']);
    expect(revoked.body.error_description).toContain('fleetbridge setup');
    // Tesla answered the call with 401 before the sign-in was found to be revoked
    expect(await rig.used()).toBe(1);
  });
});

describe('?refresh=true', () => {
  it('gets one document of Tesla, stores it as the seed, and answers it merged with telemetry', async ({
    startUpstream,
    store,
  }) => {
    const rig = await startUpstream();
    await rig.vehicle().connect();
    await rig.vehicle().send(parked);
    Object.assign(rig.document, {
      vehicle_config: { exterior_color: 'RedMulticoat', car_type: 'model3' },
      charge_state: { battery_level: 11 },
    });
    expect((await rig.data()).body.response.vehicle_config.exterior_color).not.toBe('RedMulticoat');
    // several at once are one call
    const answers = await Promise.all([rig.request(REFRESH), rig.request(REFRESH)]);
    for (const { status, body } of answers) {
      expect(status).toBe(200);
      expect(body.response.vehicle_config.exterior_color).toBe('RedMulticoat');
      expect(body.response.charge_state.battery_level).toBe(72);
    }
    expect(rig.api.calls.count('vehicle_data')).toBe(1);
    expect(await rig.used()).toBe(1);
    expect((await new SeedStore(store).read(VIN)).document).toContain('RedMulticoat');
    expect((await rig.data()).body.response.vehicle_config.exterior_color).toBe('RedMulticoat');
    expect(rig.api.calls.count('vehicle_data')).toBe(1);
  });

  it('never wakes a vehicle', async ({ startUpstream, store }) => {
    const rig = await startUpstream();
    await rig.vehicle().connect();
    await rig.vehicle().send(parked);
    rig.api.changeVehicle(VIN, { isAwake: false });
    const { status, body } = await rig.request(REFRESH);
    expect([status, body.problem]).toEqual([408, 'vehicle_asleep']);
    expect(body.error).toMatch(/^vehicle unavailable/);
    expect(rig.api.calls.count('wake_up')).toBe(0);
    expect(rig.api.vehicle(VIN).state.isAwake).toBe(false);
    expect((await new SeedStore(store).read(VIN)).document).toBeUndefined();
    // asleep by telemetry: Tesla is not asked at all
    await rig.vehicle().disconnect();
    rig.clock.nowMs += 60_000;
    expect((await rig.one()).state).toBe('asleep');
    expect((await rig.request(REFRESH)).status).toBe(408);
    expect(rig.api.calls.count('vehicle_data')).toBe(1);
  });

  it('does not store the document of another vehicle, nor of one that is not granted', async ({
    startUpstream,
    store,
  }) => {
    const rig = await startUpstream({ env: { ALLOWED_VINS: `${VIN},${OTHER_VIN}` } });
    await rig.vehicle().connect();
    await rig.vehicle().send(parked);
    Object.assign(rig.document, { vin: OTHER_VIN, vehicle_config: { car_type: 'modely' } });
    const { status, body } = await rig.request(REFRESH);
    expect([status, body.error]).toEqual([502, 'answer_not_valid']);
    const { token } = await rig.tokens.create({ vin: OTHER_VIN, label: 'other', nowMs: 1 });
    expect((await rig.request(REFRESH, { token })).status).toBe(404);
    for (const vin of [VIN, OTHER_VIN]) expect((await new SeedStore(store).read(vin)).document).toBeUndefined();
    expect(rig.api.calls.count('vehicle_data')).toBe(1);
  });
});

it('rejects allowed paths of other methods at the start', () => {
  const entry = 'POST /api/1/vehicles/*/wake_up';
  const env = { REDIS_URL: 'redis://localhost', BRIDGE_TOKEN: TOKEN, ALLOWED_VINS: VIN, GATEWAY_UPSTREAM_PATHS: entry };
  const problem = expect.stringMatching(/got "POST .*other methods than GET are not forwarded/);
  expect(() => loadConfig(gatewayConfig, { env })).toThrow(
    expect.objectContaining({ mistakes: [{ variable: 'GATEWAY_UPSTREAM_PATHS', problem }] }),
  );
});
