import { createAuthority } from '@fleetbridge/pki';
import { Field } from '@fleetbridge/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { createApplicationKey, signConfig } from '../../test/tesla-client.js';
import { domain, http, startSetUp, vin } from '../../test/tesla-set-up.js';
import { caPem, startVehicleServer, until, vehicleIdentity } from '../../test/vehicle-server.js';

const disposables: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const dispose of disposables.splice(0)) await dispose();
});

const WAIT_MS = 30_000;

/** A stand-in that is ready for a configuration, and an ingest. */
async function setUp(options: Parameters<typeof startSetUp>[0] = {}) {
  const server = await startVehicleServer(() => 'ack');
  const started = await startSetUp(options);
  disposables.push(
    () => started.api.stop(),
    () => server.stop(),
  );
  const port = Number(new URL(server.url).port);
  const access = await started.ready();
  const config = { hostname: 'telemetry.example.com', port, ca: caPem, fields: { Soc: { interval_seconds: 1 } } };
  const get = async () => (await started.call('GET', `vehicles/${vin}/fleet_telemetry_config`, access)).json.response;
  const reported = async () =>
    (await started.call('GET', 'partner_accounts/fleet_telemetry_errors', await started.partnerToken())).json.response
      .fleet_telemetry_errors;
  return { ...started, server, access, config, get, reported };
}

describe("the stand-in's telemetry configurations", () => {
  it('connect a vehicle that sends only what they ask for, and count its signals', async () => {
    const { api, server, access, config, send, get, call } = await setUp();
    expect(await get()).toMatchObject({ synced: false, config: null, key_paired: true });
    const fields = { Soc: { interval_seconds: 1, include_fields: ['Odometer'] }, Gear: { interval_seconds: 1 } };
    expect((await send(access, { ...config, fields })).json.response).toEqual({
      updated_vehicles: 1,
      skipped_vehicles: { missing_key: [], unsupported_hardware: [], unsupported_firmware: [], max_configs: [] },
    });
    await until(() => server.records.length > 0, WAIT_MS);
    expect(await get()).toMatchObject({ synced: true, config: { hostname: 'telemetry.example.com', fields } });
    expect(api.vehicle(vin).isConnected).toBe(true);

    expect(
      (await call('DELETE', `vehicles/${vin}/fleet_telemetry_config`, access)).json.response.updated_vehicles,
    ).toBe(1);
    expect(api.vehicle(vin).isConnected).toBe(false);
    expect((await get()).config).toBeNull();
    const sent = server.records.flatMap(({ message }) => message.data!.map(({ key }) => key));
    expect(new Set(sent)).toEqual(new Set([Field.Soc, Field.Odometer, Field.Gear]));
    const { total, byDay } = api.vehicle(vin).signals;
    expect(total).toBe(sent.length);
    expect(Object.values(byDay).reduce((sum, count) => sum + count)).toBe(total);
    expect(api.errors).toEqual([]);
  });

  it('wait until the vehicle is awake', async () => {
    const { api, access, config, send, get, call } = await setUp();
    api.changeVehicle(vin, { isAwake: false });
    await send(access, config);
    expect(await get()).toMatchObject({ synced: false, config: { hostname: 'telemetry.example.com' } });
    await call('POST', `vehicles/${vin}/wake_up`, access);
    await until(() => api.vehicle(vin).isConnected, WAIT_MS);
  });

  it('wait until the vehicle wakes by its own plan', async () => {
    const { api, access, config, send, get } = await setUp({
      vehicles: [
        {
          ...vehicleIdentity(vin),
          plan: [
            { phase: 'sleep', seconds: 40 },
            { phase: 'park', seconds: 3_600 },
          ],
          timeScale: 20,
          reconnect: { minimumMs: 2, maximumMs: 20 },
        },
      ],
    });
    await send(access, config);
    await until(() => api.vehicle(vin).isSynced && !api.vehicle(vin).state.isAwake, WAIT_MS);
    const fields = { Odometer: { interval_seconds: 1 } };
    await send(access, { ...config, fields });
    expect(await get()).toMatchObject({ synced: false, config: { fields } });
    await until(() => api.vehicle(vin).isSynced, WAIT_MS);
  });

  it('are refused by the vehicle with another signature, another key, or by itself', async () => {
    const { api, server, access, config, send, key, get, call, reported, partnerToken } = await setUp();
    const refused = async (text: string) => {
      await until(() => api.vehicle(vin).isRefused, WAIT_MS);
      expect(await get()).toMatchObject({ synced: true, config: null });
      expect((await reported()).at(-1)).toMatchObject({ vin, error: expect.stringContaining(text) });
    };
    const [header, , signature] = signConfig(key.privateKey, config).split('.');
    const claims = signConfig(key.privateKey, { ...config, port: 1 }).split('.')[1];
    const token = `${header}.${claims}.${signature}`;
    await call('POST', 'vehicles/fleet_telemetry_config_jws', access, { vins: [vin], token });
    await refused('InvalidSignature: the signature does not match');
    await send(access, config, createApplicationKey().privateKey);
    await refused('InvalidSignature: the public key is not paired');
    api.changeVehicle(vin, { refusesConfig: true });
    await send(access, config);
    await refused('config_manager_error');
    const withErrors = await call('GET', 'partner_accounts/fleet_telemetry_error_vins', await partnerToken());
    expect(withErrors.json.response.vins).toEqual([vin]);
    expect(server.headers).toHaveLength(0);
  });

  it('never connect with a wrong port, CA or host name, and the vehicle reports why', async () => {
    const { api, server, access, config, send } = await setUp();
    const fails = async (change: object, text: RegExp) => {
      const before = api.errors.length;
      expect((await send(access, { ...config, ...change })).status).toBe(200);
      await until(() => api.errors.length > before, WAIT_MS);
      expect(api.errors.at(-1)!.error).toMatch(text);
    };
    await fails({ port: 1 }, /ECONNREFUSED/);
    await fails({ hostname: 'other.example.com' }, /TLS verification failed: .*altnames/);
    await fails({ ca: createAuthority({ commonName: 'other', days: 1 }).certificatePem }, /TLS verification failed/);
    expect((await send(access, { ...config, hostname: 'telemetry.example.org' })).json.error).toBe(
      'hostname domain does not match with partner account',
    );
    expect(server.headers).toHaveLength(0);
    await send(access, config);
    await until(() => api.vehicle(vin).isConnected, WAIT_MS);
  });

  it('change without a new connection, and the car keeps its state', async () => {
    const { server, access, config, send, call } = await setUp({
      vehicles: [
        {
          ...vehicleIdentity(vin),
          plan: [{ phase: 'drive', seconds: 3_600 }],
          timeScale: 60,
          reconnect: { minimumMs: 2, maximumMs: 20 },
        },
      ],
    });
    const newest = (key: number) =>
      server.records.flatMap(({ message }) => message.data!.filter((datum) => datum.key === key)).at(-1)?.value;
    const miles = () => newest(Field.Odometer)?.doubleValue as number | undefined;
    const fields = { Odometer: { interval_seconds: 1 } };
    await send(access, { ...config, fields });
    await until(() => miles() !== undefined, WAIT_MS);
    const start = miles()!;
    await until(() => miles()! > start, WAIT_MS);
    await send(access, { ...config, fields: { ...fields, Soc: { interval_seconds: 1 } } });
    await until(() => newest(Field.Soc) !== undefined, WAIT_MS);
    expect(server.headers).toHaveLength(1);
    expect(miles()).toBeGreaterThan(start);

    const other = await startVehicleServer(() => 'ack');
    disposables.push(() => other.stop());
    await send(access, { ...config, fields, port: Number(new URL(other.url).port) });
    await until(() => other.records.length > 0, WAIT_MS);
    expect(other.records[0]!.message.data![0]!.value!.doubleValue).toBeGreaterThanOrEqual(miles()!);
    await call('DELETE', `vehicles/${vin}/fleet_telemetry_config`, access);
    const before = miles()!;
    await send(access, { ...config, fields });
    await until(() => server.headers.length === 2, WAIT_MS);
    await until(() => miles()! > before, WAIT_MS);
  });

  it('stop and start with the streaming toggle of the vehicle', async () => {
    const { api, server, access, config, send, get } = await setUp();
    await send(access, config);
    await until(() => api.vehicle(vin).isConnected, WAIT_MS);
    api.changeVehicle(vin, { isStreamingAllowed: false });
    await until(() => !api.vehicle(vin).isConnected, WAIT_MS);
    expect(await get()).toMatchObject({ synced: true, config: { hostname: 'telemetry.example.com' } });
    api.changeVehicle(vin, { isStreamingAllowed: true });
    await until(() => api.vehicle(vin).isConnected, WAIT_MS);
    expect(server.headers).toHaveLength(2);
  });

  it("depend on the vehicle's firmware, which its Version names", async () => {
    const { api, server, access, config, send } = await setUp({
      vehicles: [
        {
          ...vehicleIdentity(vin),
          plan: [{ phase: 'park', seconds: 360_000 }],
          timeScale: 60,
          reconnect: { minimumMs: 2, maximumMs: 20 },
        },
      ],
    });
    const versions = () =>
      server.records.flatMap(({ message }) =>
        message.data!.map(({ key, value }) => key === Field.Version && value!.stringValue),
      );
    const fields = { Version: { interval_seconds: 1 } };
    api.changeVehicle(vin, { firmware: '2026.20.3' });
    await send(access, { ...config, fields });
    await until(() => versions().includes('2026.20.3'), WAIT_MS);
    expect(server.headers[0]!.version).toBe('2026.20.3');
    api.changeVehicle(vin, { firmware: '2026.26.6' });
    await until(() => versions().includes('2026.26.6'), WAIT_MS);

    api.changeVehicle(vin, { firmware: '2024.38.7' });
    const refused = async (field: object, reason: string) => {
      const before = api.errors.length;
      await send(access, { ...config, fields: field });
      await until(() => api.errors.length > before, WAIT_MS);
      expect(api.vehicle(vin)).toMatchObject({ isRefused: true, isConnected: false });
      expect(api.errors.at(-1)).toMatchObject({
        error_name: 'config_manager_error',
        error: expect.stringContaining(reason),
      });
    };
    await refused({ ChargerVoltage: { interval_seconds: 1 } }, 'ChargerVoltage needs firmware 2024.44.32');
    await refused({ Soc: { interval_seconds: 1, resend_interval_seconds: 60 } }, 'Soc.resend_interval_seconds needs');
    api.changeVehicle(vin, { firmware: '2026.26.6' });
    await refused(
      { Soc: { interval_seconds: 1, include_fields: ['GpsAccuracyMeters'] } },
      'Soc includes GpsAccuracyMeters',
    );
    await refused({ Soc: { interval_seconds: 1, minimum_delta: -1 } }, 'minimum_delta must be 0 or more');
  });

  it('with a port as text are accepted and ignored by the vehicle', async () => {
    const { api, access, config, send, get } = await setUp();
    expect((await send(access, { ...config, port: String(config.port) })).status).toBe(200);
    await until(() => api.vehicle(vin).isSynced, WAIT_MS);
    expect(await get()).toMatchObject({ synced: true, config: { port: String(config.port) } });
    expect(api.vehicle(vin).simulated).toBeUndefined();
    expect(api.errors).toEqual([]);
  });

  it('do not connect a vehicle without a client certificate, or with streaming switched off', async () => {
    const { api, server, access, config, send } = await setUp();
    api.changeVehicle(vin, { isStreamingAllowed: false });
    await send(access, config);
    await until(() => api.vehicle(vin).isSynced, WAIT_MS);
    expect(api.vehicle(vin).simulated).toBeUndefined();
    api.changeVehicle(vin, { isStreamingAllowed: true, hasClientCertificate: false });
    await send(access, config);
    await until(() => api.errors.length > 0, WAIT_MS);
    expect(server.headers).toHaveLength(0);
  });

  it('skip vehicles by reason', async () => {
    const { api, access, config, send } = await setUp();
    const skipped = async () => (await send(access, config)).json.response.skipped_vehicles;
    for (const [state, reason] of [
      [{ isHardwareSupported: false }, 'unsupported_hardware'],
      [{ isHardwareSupported: true, firmware: '2024.8.9' }, 'unsupported_firmware'],
      [{ firmware: '2024.44.25', otherConfigs: 3 }, 'max_configs'],
    ] as const) {
      api.changeVehicle(vin, state);
      expect((await skipped())[reason]).toEqual([vin]);
    }
  });

  it('end at exp, and at the billing limit', async () => {
    const { api, access, config, send, get, call } = await setUp();
    await send(access, { ...config, exp: Math.floor(Date.now() / 1000) + 1 });
    await until(() => api.vehicle(vin).config === undefined, WAIT_MS);
    await send(access, config);
    await until(() => api.vehicle(vin).isConnected, WAIT_MS);
    await api.changeAccount({ isLimitReached: true });
    expect(await get()).toMatchObject({ config: null, limit_reached: true });
    expect(api.vehicle(vin).isConnected).toBe(false);
    await api.changeAccount({ isDisabled: true });
    expect((await call('GET', 'products', access)).json.error).toBe('account disabled: EXCEEDED_LIMIT');
  });
});

describe("the stand-in's faults", () => {
  it('answer, cut, lose and delay by endpoint, after a number of calls', async () => {
    const { api, access, call, token, signIn } = await setUp();
    const play = { kind: 'answer', status: 429, error: 'too many requests', retryAfterSeconds: 7 } as const;
    api.faults.add({ endpoint: 'vehicles', after: 1, play });
    const list = () => call('GET', 'vehicles', access);
    expect((await list()).status).toBe(200);
    expect(await list()).toMatchObject({ status: 429, headers: { 'retry-after': '7' } });
    expect((await list()).status).toBe(200);
    api.faults.add({ endpoint: '*', play: { kind: 'cut' } });
    await expect(list()).rejects.toThrow();

    const { refresh_token } = await signIn();
    api.faults.add({ endpoint: 'token', play: { kind: 'lose_answer' } });
    const refresh = () => token({ grant_type: 'refresh_token', refresh_token });
    await expect(refresh()).rejects.toThrow();
    expect((await refresh()).status).toBe(200);
    expect(api.calls.count('token', 'refresh_token')).toBe(2);
    expect(api.calls.count('vehicles')).toBe(4);
  });

  it('are also played over HTTP, with the state of the stand-in', async () => {
    const { api, access, call } = await setUp();
    const control = (method: string, path: string, body?: object) =>
      http(method, `${api.url}/_stand_in/${path}`, body === undefined ? {} : { body });
    await control('POST', 'faults', { endpoint: 'products', play: { kind: 'answer', status: 503 } });
    expect((await call('GET', 'products', access)).status).toBe(503);
    await control('PATCH', 'account', { dateSkewMs: -3_600_000 });
    const { headers } = await call('GET', 'products', access);
    expect(Date.now() - Date.parse(headers.date as string)).toBeGreaterThan(3_500_000);
    expect((await control('PATCH', `vehicles/${vin}`, { isAwake: false })).status).toBe(200);
    expect((await control('POST', 'pair', { domain: 'other.example.com' })).json.error).toContain('not registered');
    expect((await control('POST', 'pair', { domain })).status).toBe(200);
    const { json } = await control('GET', 'state');
    expect(json).toMatchObject({
      calls: { products: 2, register: 1 },
      vehicles: { [vin]: { isPaired: true, isConnected: false, state: { isAwake: false }, signals: { total: 0 } } },
    });
  });

  it('are refused with a sentence when they are not valid', async () => {
    const { api } = await setUp();
    const refusal = async (method: string, path: string, body: object) => {
      const { status, json } = await http(method, `${api.url}/_stand_in/${path}`, { body });
      expect(status).toBe(400);
      return json.error;
    };
    const fault = (body: object) => refusal('POST', 'faults', body);
    const play = { kind: 'cut' };
    expect(await fault({ play })).toMatch(/^endpoint is required: one of \*, authorize, /);
    expect(await fault({ endpoint: 'product', play })).toMatch(/^endpoint: expected one of .*, got "product"\.$/);
    expect(await fault({ endpoint: '*', play, time: 2 })).toBe(
      'time is unknown: expected one of endpoint, times, after, play.',
    );
    expect(await fault({ endpoint: '*', play, times: 0 })).toBe('times: expected an integer of 1 or more, got 0.');
    expect(await fault({ endpoint: '*', play: {} })).toMatch(/^play.kind: expected one of answer, .*, got nothing\.$/);
    expect(await fault({ endpoint: '*', play: { kind: 'answer' } })).toMatch('play.status is required');
    expect(await fault({ endpoint: '*', play: { kind: 'answer', status: '503' } })).toMatch(
      'play.status: expected an HTTP',
    );
    expect(await fault({ endpoint: '*', play: { kind: 'delay', ms: -1 } })).toMatch('play.ms: expected milliseconds');
    expect(await fault([])).toBe('expected a JSON object as body.');
    expect(await refusal('PATCH', 'account', { region: 'us' })).toBe('region: expected one of na, eu, cn, got "us".');
    expect(await refusal('PATCH', 'account', { grantedScopes: 'openid' })).toMatch('grantedScopes: expected a list');
    const change = (body: object) => refusal('PATCH', `vehicles/${vin}`, body);
    expect(await change({ isAwake: 'no' })).toBe('isAwake: expected true or false, got "no".');
    expect(await change({ firmware: 2026 })).toBe('firmware: expected a version such as 2026.26.6, got 2026.');
    expect(await change({ asleep: true })).toMatch(/^asleep is unknown: expected one of isAwake, firmware, /);
    expect(await refusal('POST', 'pair', {})).toBe('domain is required: a text.');
    expect(api.vehicle(vin).state).toMatchObject({ isAwake: true, firmware: '2026.26.6' });
  });

  it('passes signed commands on', async () => {
    const { access, call } = await setUp({
      onSignedCommand: (name, body) => ({ status: 200, body: JSON.stringify({ response: `${name} ${body}` }) }),
    });
    const { json } = await call('POST', `vehicles/${vin}/signed_command`, access, { routable_message: 'x' });
    expect(json.response).toBe(`${vin} {"routable_message":"x"}`);
    // not passed on: the vehicle itself answers
    expect((await call('POST', `vehicles/${vin}/command/honk_horn`, access)).status).toBe(403);
  });
});
