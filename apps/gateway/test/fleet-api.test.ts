// The routes that TeslaMate polls, by real requests.
import { forgetVehicle, SeedStore } from '@fleetbridge/store';
import { vehicleDataMistakes, vehicleMistakes } from '@fleetbridge/testing';
import { describe, expect } from 'vitest';
import { it, OTHER_VIN, parked, type Rig, START_MS, TOKEN, VIN } from './gateway-rig.js';

describe('products', () => {
  it('lists admitted vehicles, also one that has never sent anything, with ids that never change', async ({
    startRig,
  }) => {
    const rig = await startRig({ env: { ALLOWED_VINS: `${OTHER_VIN},${VIN.toLowerCase()}` } });
    const { body, headers } = await rig.request('/api/1/products');
    expect(headers.get('content-type')).toMatch(/^application\/json/);
    expect(body).toMatchObject({ count: 2, response: [{ vin: VIN, state: 'offline' }, { vin: OTHER_VIN }] });
    expect(body).not.toHaveProperty('error');
    for (const vehicle of body.response) expect(vehicleMistakes(vehicle)).toEqual([]);
    expect(body.response[0]).toMatchObject({ in_service: false, display_name: null, command_signing: 'required' });
    await rig.stop();
    const again = await startRig({ env: { ALLOWED_VINS: VIN } });
    expect(await again.products()).toEqual([body.response[0]]);
    expect((await again.request('/api/1/vehicles')).body.response).toEqual([body.response[0]]);
  });

  it('follows allow and deny at run time, and lists what has a snapshot with *', async ({ startRig }) => {
    const rig = await startRig();
    await rig.admission.set([OTHER_VIN], 'allow');
    await rig.admission.set([VIN], 'deny');
    rig.clock.nowMs += 1_000;
    expect((await rig.products()).map(({ vin }: { vin: string }) => vin)).toEqual([OTHER_VIN]);
    expect((await rig.data()).status).toBe(404);
    await rig.store.redis.sadd(rig.store.keysOf(VIN).vins, VIN, '5YJ3E1EA7KF000003');
    const all = await startRig({ env: { ALLOWED_VINS: '*' } });
    const vins = (await all.products()).map(({ vin }: { vin: string }) => vin);
    expect(vins).toEqual([OTHER_VIN, '5YJ3E1EA7KF000003']);
  });

  it("has Tesla's ids where the owner gives them first", async ({ startRig }) => {
    const rig = await startRig({ env: { VEHICLE_IDS: `2000000001=${VIN}` } });
    expect(await rig.one(2_000_000_001)).toMatchObject({ vin: VIN, vehicle_id: 2_000_000_001 });
  });
});

describe('a vehicle', () => {
  it('is found by id, vehicle id and VIN in any case, and never has sections', async ({ startRig }) => {
    const rig = await startRig();
    const [product] = await rig.products();
    rig.clock.nowMs += 1_000;
    await rig.vehicle().connect();
    await rig.vehicle().send(parked);
    for (const id of [product.id, product.vehicle_id, VIN, VIN.toLowerCase()]) {
      const vehicle = await rig.one(id);
      expect(vehicle).toMatchObject({ id: product.id, vin: VIN, state: 'online', display_name: 'Bob' });
      expect(vehicleMistakes(vehicle)).toEqual([]);
    }
  });

  it('is offline until it has sent location, odometer and range, as vehicle_data', async ({ startRig }) => {
    const rig = await startRig();
    await rig.vehicle().connect();
    for (const missing of ['Location', 'Odometer', 'RatedRange'] as const) {
      await rig.vehicle().send({ ...parked, [missing]: null });
      expect([(await rig.one()).state, (await rig.data()).status]).toEqual(['offline', 408]);
      rig.clock.nowMs += 1_000;
    }
    await rig.vehicle().send(parked);
    expect([(await rig.one()).state, (await rig.data()).status]).toEqual(['online', 200]);
  });

  it('answers wake_up from its presence, with and without a body', async ({ startRig }) => {
    const rig = await startRig();
    for (const init of [
      {},
      { headers: { 'content-type': 'application/json' } },
      { body: '{}', headers: { 'content-type': 'application/json' } },
    ]) {
      const { status, body } = await rig.request(`/api/1/vehicles/${VIN}/wake_up`, { method: 'POST', ...init });
      expect({ status, state: body.response?.state }).toEqual({ status: 200, state: 'offline' });
    }
  });
});

describe('vehicle_data', () => {
  it('is a document that clients with static types accept, with and without endpoints', async ({ startRig }) => {
    const rig = await startRig();
    await rig.vehicle().connect();
    await rig.vehicle().send(parked);
    const answers = [
      await rig.data(),
      await rig.request(`/api/1/vehicles/${VIN}/vehicle_data`),
      await rig.request(`/api/1/vehicles/${VIN}/vehicle_data?endpoints=unknown;location_data`),
    ];
    for (const { status, headers, body } of answers) {
      expect(status).toBe(200);
      expect(headers.get('content-type')).toMatch(/^application\/json/);
      expect(Object.keys(body)).toEqual(['response']);
      expect(vehicleDataMistakes(body.response)).toEqual([]);
      expect(body.response).toMatchObject({
        vin: VIN,
        state: 'online',
        charge_state: { battery_level: 72, usable_battery_level: 70, ideal_battery_range: 210.5, timestamp: START_MS },
        drive_state: { latitude: 48.1, longitude: 11.5, shift_state: 'P', speed: null, power: 0, timestamp: START_MS },
        vehicle_config: { car_type: 'model3', trim_badging: '74d' },
        vehicle_state: { odometer: 12_345.678, car_version: '2026.20.6', vehicle_name: 'Bob' },
      });
    }
  });

  it('is as new as the last frame without a dispatcher: up to the end of the log at the request', async ({
    startRig,
  }) => {
    const rig = await startRig();
    await rig.vehicle().connect();
    await rig.vehicle().send(parked);
    for (let n = 1; n <= 20; n++) {
      rig.clock.nowMs += 1_000;
      await rig.vehicle().send({ Gear: 'ShiftStateD', VehicleSpeed: n });
      const { body } = await rig.data();
      expect(body.response.drive_state).toMatchObject({ speed: n, shift_state: 'D', timestamp: rig.clock.nowMs });
    }
  });

  it('answers 408 while the vehicle sleeps, and 405 while it is in service', async ({ startRig }) => {
    const rig = await startRig();
    await rig.vehicle().connect();
    await rig.vehicle().send({ ...parked, ServiceMode: true });
    const service = await rig.data();
    expect([service.status, service.body.error]).toEqual([405, 'vehicle is currently in service']);
    expect(await rig.one()).toMatchObject({ state: 'online', in_service: true });
    await rig.vehicle().send({ ServiceMode: false });
    expect((await rig.data()).status).toBe(200);
    await rig.vehicle().disconnect();
    rig.clock.nowMs += 9_999;
    expect((await rig.data()).status).toBe(200);
    rig.clock.nowMs += 1;
    const asleep = await rig.data();
    expect(asleep.status).toBe(408);
    expect(asleep.body).toMatchObject({ response: null, error: 'vehicle unavailable: vehicle is offline or asleep' });
    expect((await rig.one()).state).toBe('asleep');
  });

  it('keeps values of vehicle_config that were known once, also in a new process', async ({ startRig }) => {
    const rig = await startRig();
    await rig.vehicle().connect();
    await rig.vehicle().send({ ...parked, ExteriorColor: 'DeepBlue' });
    expect((await rig.data()).body.response.vehicle_config).toMatchObject({ exterior_color: 'DeepBlue' });
    rig.clock.nowMs += 1_000;
    await rig.vehicle().send({ ExteriorColor: null, Trim: null, CarType: null });
    for (const each of [rig, await startRig()]) {
      each.clock.nowMs = rig.clock.nowMs;
      const { vehicle_config: config } = (await each.data()).body.response;
      expect(config).toMatchObject({ exterior_color: 'DeepBlue', trim_badging: '74d', car_type: 'model3' });
    }
  });
});

it('describes every route and field of its answers in OpenAPI 3.1', async ({ startRig }) => {
  const rig = await startRig();
  await rig.vehicle().connect();
  await rig.vehicle().send({ ...parked, EnergyRemaining: 40, SeatHeaterRearLeft: 1 });
  const { status, body } = await rig.request('/openapi.json', { token: '' });
  expect([status, body.openapi]).toEqual([200, '3.1.0']);
  for (const path of Object.keys(body.paths)) {
    const method = Object.keys(body.paths[path])[0]!.toUpperCase();
    const answer = await rig.request(path.replace('{id}', VIN), { method });
    expect({ path, status: answer.status }).toEqual({ path, status: 200 });
  }
  const { properties } = body.components.schemas.VehicleData;
  const { response } = (await rig.data()).body;
  for (const section of [
    'charge_state',
    'climate_state',
    'drive_state',
    'gui_settings',
    'vehicle_config',
    'vehicle_state',
  ]) {
    expect(Object.keys(properties[section].properties)).toEqual(expect.arrayContaining(Object.keys(response[section])));
  }
});

describe('fleet_status', () => {
  const ask = (rig: Rig, body: string) =>
    rig.request('/api/1/vehicles/fleet_status', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });

  it('shows which vehicles have sent telemetry, and their firmware', async ({ startRig }) => {
    const rig = await startRig({ env: { ALLOWED_VINS: `${VIN},${OTHER_VIN}` } });
    await rig.vehicle().send({ ...parked, Version: '2026.20.6 abcdef123456' });
    const { status, body } = await ask(rig, JSON.stringify({ vins: [VIN, OTHER_VIN, '5YJ3E1EA7KF000009'] }));
    expect(status).toBe(200);
    expect(body.response).toMatchObject({ key_paired_vins: [VIN], unpaired_vins: [OTHER_VIN] });
    expect(Object.keys(body.response.vehicle_info)).toEqual([VIN, OTHER_VIN]);
    expect(body.response.vehicle_info[VIN]).toMatchObject({
      firmware_version: '2026.20.6',
      total_number_of_keys: null,
    });
    expect(body.response.vehicle_info[OTHER_VIN].firmware_version).toBeNull();
    const one = await ask(rig, JSON.stringify({ vins: [OTHER_VIN] }));
    expect(one.body.response.key_paired_vins).toEqual([]);
  });

  it('answers 400 with a sentence for a list that is not one of texts', async ({ startRig }) => {
    const rig = await startRig();
    for (const text of ['{"vins":"5YJ3E1EA7KF000001"}', '{"vins":[1]}', '{"vins":null}', '{"vins":{}}']) {
      const { status, body } = await ask(rig, text);
      expect({ text, status, error: body.error }).toEqual({ text, status: 400, error: 'invalid_vins' });
    }
  });
});

it('answers its own address as that of the region', async ({ startRig }) => {
  const rig = await startRig();
  const { body } = await rig.request('/api/1/users/region');
  expect(body.response.fleet_api_base_url).toBe(rig.url);
});

it('shows where each field comes from, and what TeslaMate loses without it', async ({ startRig }) => {
  const rig = await startRig();
  await new SeedStore(rig.store).write(VIN, JSON.stringify({ vin: VIN, vehicle_config: { plg: true } }));
  await rig.vehicle().send({ ...parked, Version: null });
  const { status, body } = await rig.request(`/vehicles/${VIN}/coverage`);
  expect(status).toBe(200);
  const of = (name: string) => body.fields.find(({ field }: { field: string }) => field === name);
  expect(of('battery_level')).toEqual({
    section: 'charge_state',
    field: 'battery_level',
    origin: 'telemetry',
    signals: ['BatteryLevel', 'Soc'],
    time: new Date(START_MS).toISOString(),
  });
  expect(of('plg')).toMatchObject({ origin: 'seed', time: null });
  expect(of('car_version')).toMatchObject({ origin: 'missing', signals: ['Version'], loses: 'software updates' });
  expect(of('inside_temp')).toMatchObject({ origin: 'missing', time: null, loses: 'inside temperature' });
  expect((await rig.request(`/vehicles/${VIN}/coverage`, { token: 'wrong' })).status).toBe(401);
});

it('drops a vehicle that is deleted, in Redis and in memory', async ({ startRig }) => {
  const rig = await startRig({ env: { ALLOWED_VINS: 'none' }, isRealClock: true });
  await rig.admission.set([VIN], 'allow');
  await rig.vehicle().connect();
  await rig.vehicle().send({ ...parked, ExteriorColor: 'DeepBlue' });
  await new SeedStore(rig.store).write(VIN, JSON.stringify({ vin: VIN, vehicle_config: { plg: true } }));
  await expect.poll(async () => (await rig.data()).status, { timeout: 5_000 }).toBe(200);
  await rig.admission.withdraw(VIN);
  await expect.poll(async () => (await rig.data()).status, { timeout: 5_000 }).toBe(404);
  await forgetVehicle(rig.store, { vin: VIN, subscriptions: [] });
  await expect.poll(() => rig.lines.some(({ event }) => event === 'vehicle_forgotten'), { timeout: 5_000 }).toBe(true);
  const keys = await rig.store.redis.keys(`${rig.store.namespace}*`);
  for (const key of keys) {
    expect(key).not.toContain(VIN);
    const isHash = (await rig.store.redis.type(key)) === 'hash';
    if (isHash) expect(JSON.stringify(await rig.store.redis.hgetall(key))).not.toContain(VIN);
  }
  await rig.admission.set([VIN], 'allow');
  await expect.poll(async () => (await rig.data()).status, { timeout: 5_000 }).toBe(408);
});

describe('access', () => {
  it('takes the token as Bearer and as ?token=, and answers 401 for a wrong one', async ({ startRig }) => {
    const rig = await startRig();
    expect((await rig.request('/api/1/products')).status).toBe(200);
    expect((await rig.request(`/api/1/products?token=${TOKEN}`, { token: '' })).status).toBe(200);
    for (const path of ['/api/1/products', `/api/1/vehicles/${VIN}`, `/api/1/vehicles/${VIN}/vehicle_data`]) {
      for (const token of ['', 'wrong']) {
        const { status, headers, body } = await rig.request(path, { token });
        expect({ status, error: body.error }).toEqual({ status: 401, error: 'invalid bearer token' });
        expect(headers.get('www-authenticate')).toBe('Bearer');
      }
    }
  });

  it('shows a token of one vehicle that vehicle only, and nothing once it is revoked', async ({ startRig }) => {
    const rig = await startRig({ env: { ALLOWED_VINS: `${VIN},${OTHER_VIN}` } });
    const { token, grant } = await rig.tokens.create({ vin: VIN, label: '', nowMs: 1 });
    const [, other] = await rig.products();
    expect((await rig.request('/api/1/products', { token })).body.response).toMatchObject([{ vin: VIN }]);
    for (const id of [OTHER_VIN, other.id, other.vehicle_id, '5YJ3E1EA7KF000099', '12345', '..%2f..', '%00']) {
      const { status, body } = await rig.request(`/api/1/vehicles/${id}/vehicle_data`, { token });
      expect({ id, status, error: body.error }).toEqual({ id, status: 404, error: 'not_found' });
    }
    await rig.tokens.revoke(grant.id);
    expect((await rig.request('/api/1/products', { token })).status).toBe(401);
  });

  it('answers 503 in JSON while Redis is away, and is back after it', async ({ startRig, redisServer }) => {
    const rig = await startRig();
    await rig.vehicle().send(parked);
    await redisServer.kill();
    const { status, headers, body } = await rig.request(`/api/1/vehicles/${VIN}`);
    expect([status, headers.get('retry-after'), body.response]).toEqual([503, '1', null]);
    await redisServer.start();
    await expect.poll(async () => (await rig.request(`/api/1/vehicles/${VIN}`)).status).toBe(200);
  });

  it('logs no token and no place', async ({ startRig }) => {
    const rig = await startRig();
    await rig.vehicle().connect();
    await rig.vehicle().send(parked);
    await rig.request(`/api/1/vehicles/${VIN}/vehicle_data?token=${TOKEN}`);
    const text = JSON.stringify(rig.lines);
    expect(text).toContain('/api/1/vehicles/:id/vehicle_data');
    for (const secret of [TOKEN, '48.1', '11.5']) expect(text).not.toContain(secret);
  });
});
