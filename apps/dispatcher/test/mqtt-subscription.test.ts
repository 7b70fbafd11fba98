// MQTT subscriptions against a real mosquitto: topics, Home Assistant's discovery, and a restart of the broker.
import { ConnectivityEvent, type Datum, encodeMessage, Field, timestampOf } from '@fleetbridge/protocol';
import { it, type RedisTestContext } from '@fleetbridge/store/testing';
import { eventually, startTcpRelay } from '@fleetbridge/testing';
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt';
import { describe, expect } from 'vitest';
import { z } from 'zod';
import { type Broker, type MosquittoOptions, programPath, startMosquitto } from './broker.js';
import { type DispatchRig, disorder, dispatchRig } from './dispatch-rig.js';
import { startOldBroker } from './old-broker.js';

const mosquitto = programPath('mosquitto');
if (mosquitto === undefined) console.log('skipped: no mosquitto on this machine (apt-get install mosquitto)');

const VIN = '5YJ3E1EA7KF000001';
const QUICK = { ackDeadlineSeconds: 1, backOff: { minimumSeconds: 0.01, maximumSeconds: 0.1 } };

describe.skipIf(mosquitto === undefined)('an mqtt subscription', () => {
  it("publishes on the Go server's topics, retaining the last message of each", async ({
    redisServer,
    redis,
    cleanup,
  }) => {
    const { rig, broker, listen, url } = await parts({ redisServer, redis, cleanup });
    const early = await listen();
    await rig.subscribe({ name: 'home', mqtt: { url, base: 'tesla' } });
    rig.start();
    const data = [
      { key: Field.Soc, value: { doubleValue: 71.25 } },
      { key: Field.VehicleName, value: { stringValue: 'Überwagen' } },
      { key: Field.Location, value: { locationValue: { latitude: 1.5, longitude: -2.5 } } },
      { key: Field.VehicleSpeed, value: { invalid: true } },
    ];
    await rig.addRaw({
      vin: VIN,
      topic: 'V',
      payload: encodeMessage('V', { data, createdAt: timestampOf(1_000), vin: VIN }),
    });
    const alerts = [
      { name: 'A1', audiences: [1], startedAt: timestampOf(2_000) },
      { name: 'A1', startedAt: timestampOf(9_000), endedAt: timestampOf(9_500) },
      { name: 'B/+', audiences: [3] },
    ];
    await rig.addRaw({ vin: VIN, topic: 'alerts', payload: encodeMessage('alerts', { alerts, vin: VIN }) });
    const errors = [{ name: 'E1', body: 'broken', tags: { part: 'x' }, createdAt: timestampOf(3_000) }];
    await rig.addRaw({ vin: VIN, topic: 'errors', payload: encodeMessage('errors', { errors, vin: VIN }) });
    await connectivity(rig, true);
    await eventually(() => rig.isDone('home'));
    const expected = {
      'tesla_bridge/home/0': 'online',
      [`tesla/${VIN}/v/Soc`]: '71.25',
      [`tesla/${VIN}/v/VehicleName`]: '"Überwagen"',
      [`tesla/${VIN}/v/Location`]: '{"latitude":1.5,"longitude":-2.5}',
      [`tesla/${VIN}/v/VehicleSpeed`]: 'null',
      [`tesla/${VIN}/alerts/A1/current`]:
        '{"Audiences":null,"EndedAt":"1970-01-01T00:00:09Z","StartedAt":"1970-01-01T00:00:09Z"}',
      [`tesla/${VIN}/alerts/A1/history`]:
        '[{"Audiences":["Customer"],"StartedAt":"1970-01-01T00:00:02Z"},{"Audiences":null,"EndedAt":"1970-01-01T00:00:09Z","StartedAt":"1970-01-01T00:00:09Z"}]',
      [`tesla/${VIN}/alerts/B__/history`]: '[{"Audiences":["ServiceFix"]}]',
      [`tesla/${VIN}/errors/E1`]: '{"Body":"broken","CreatedAt":"1970-01-01T00:00:03Z","Tags":{"part":"x"}}',
      [`tesla/${VIN}/connectivity`]: '{"ConnectionId":"c","CreatedAt":"1970-01-01T00:00:01Z","Status":"CONNECTED"}',
    };
    await eventually(() => expect(Object.fromEntries(early)).toEqual(expected));
    await broker.end();
    await broker.start();
    // a late subscriber receives the retained messages; the status too, either our own or the last will
    const late = await listen();
    await eventually(() =>
      expect(Object.fromEntries(late)).toMatchObject({ ...expected, 'tesla_bridge/home/0': /online|offline/ }),
    );
  });

  it('publishes alerts and errors whose names a broker would refuse', async ({ redisServer, redis, cleanup }) => {
    const { rig, listen, url } = await parts({ redisServer, redis, cleanup });
    const seen = await listen();
    await rig.subscribe({ name: 'home', topics: ['alerts', 'errors'], mqtt: { url }, ...QUICK });
    rig.start();
    const names = ['a\u0001b', 'c\u0085\ufffe', 'x/'.repeat(300), 'y'.repeat(70_000), '#', ''];
    const alerts = names.map((name) => ({ name, startedAt: timestampOf(2_000) }));
    await rig.addRaw({ vin: VIN, topic: 'alerts', payload: encodeMessage('alerts', { alerts, vin: VIN }) });
    const errors = names.map((name) => ({ name, body: 'b' }));
    await rig.addRaw({ vin: VIN, topic: 'errors', payload: encodeMessage('errors', { errors, vin: VIN }) });
    await eventually(() => rig.isDone('home'));
    const levels = ['a_b', 'c__', 'x_'.repeat(100), 'y'.repeat(200), '_'];
    const topics = levels.flatMap((level) => [`alerts/${level}/current`, `alerts/${level}/history`, `errors/${level}`]);
    await eventually(() => {
      const below = [...seen.keys()].filter((topic) => topic.startsWith('fleetbridge/'));
      expect(below.sort()).toEqual(topics.map((topic) => `fleetbridge/${VIN}/${topic}`).sort());
    });
    expect(rig.counts.get('home')).toMatchObject({ retried: 0, rejected: 0 });
  });

  it('announces each vehicle to Home Assistant as a device, with its presence', async ({
    redisServer,
    redis,
    cleanup,
  }) => {
    const { rig, listen, url } = await parts({ redisServer, redis, cleanup });
    const seen = await listen();
    await rig.subscribe({ name: 'home', topics: ['V', 'connectivity'], mqtt: { url, homeAssistant: true } });
    const dispatcher = rig.start();
    const data = [
      { key: Field.Soc, value: { doubleValue: 71.25 } },
      { key: Field.Odometer, value: { stringValue: '12.5' } },
      { key: Field.ACChargingEnergyIn, value: { doubleValue: 3 } },
      { key: Field.Gear, value: { stringValue: 'D' } },
      { key: Field.Locked, value: { booleanValue: true } },
      { key: Field.Location, value: { locationValue: { latitude: 1.5, longitude: -2.5 } } },
      { key: Field.DoorState, value: { doorValue: { DriverFront: true } } },
      { key: Field.TpmsPressureFl, value: { doubleValue: 2.9 } },
    ];
    await rig.addRaw({ vin: VIN, topic: 'V', payload: encodeMessage('V', { data, vin: VIN }) });
    await connectivity(rig, true);
    await eventually(() => rig.isDone('home'));
    await eventually(() => seen.has(`fleetbridge/${VIN}/connectivity`));
    const configs = [...seen].filter(([topic]) => topic.startsWith('homeassistant/'));
    expect(configs).toHaveLength(14);
    const byId = new Map<string, Discovery>();
    for (const [topic, text] of configs) {
      const [, component, node, id, last] = topic.split('/');
      const config = discoverySchema(component!).parse(JSON.parse(text));
      expect([node, last]).toEqual([`fleetbridge_${VIN}`, 'config']);
      expect(config.unique_id).toBe(`fleetbridge_${VIN}_${id}`);
      expect(config.device).toEqual({
        identifiers: [`fleetbridge_${VIN}`],
        manufacturer: 'Tesla',
        model: 'Model 3',
        name: 'Tesla 000001',
        serial_number: VIN,
      });
      // the state topic of the entity exists
      const source = config.state_topic ?? config.json_attributes_topic;
      expect(seen.has(source!)).toBe(true);
      for (const { topic: available } of config.availability) expect(seen.has(available)).toBe(true);
      byId.set(id!, config);
    }
    expect(byId.get('Soc')).toMatchObject({
      device_class: 'battery',
      state_class: 'measurement',
      unit_of_measurement: '%',
      name: 'State of charge',
    });
    expect(byId.get('Odometer')).toMatchObject({
      device_class: 'distance',
      state_class: 'total_increasing',
      unit_of_measurement: 'mi',
    });
    expect(byId.get('ACChargingEnergyIn')).toMatchObject({
      device_class: 'energy',
      state_class: 'total_increasing',
      name: 'AC charging energy in',
    });
    expect(byId.get('TpmsPressureFl')).toMatchObject({ device_class: 'pressure', unit_of_measurement: 'bar' });
    expect(byId.get('Locked')).toMatchObject({ device_class: 'lock' });
    expect(byId.get('DoorState_DriverFront')).toMatchObject({ device_class: 'door', name: 'Driver front door' });
    expect(byId.get('Gear')).not.toHaveProperty('unit_of_measurement');
    expect(byId.get('Gear')).toMatchObject({ device_class: 'enum', options: ['P', 'R', 'N', 'D'] });
    expect(byId.get('connectivity')).toMatchObject({ device_class: 'connectivity' });
    await dispatcher.stop({ deadlineMs: 1_000 });
    await eventually(() => seen.get('fleetbridge_bridge/home/0') === 'offline');
  });

  it('publishes the values that the vehicle sent, all payloads below the base in JSON', async ({
    redisServer,
    redis,
    cleanup,
  }) => {
    const { rig, listen, url } = await parts({ redisServer, redis, cleanup });
    const seen = await listen();
    await rig.subscribe({ name: 'home', topics: ['V', 'connectivity'], mqtt: { url } });
    rig.start();
    await vehicleData(rig, [
      { key: Field.TimeToFullCharge, value: { invalid: true } },
      { key: Field.Gear, value: { invalid: true } },
      { key: Field.DoorState, value: { invalid: true } },
      { key: Field.TpmsPressureFl, value: { floatValue: 2.9 } },
      { key: Field.OutsideTemp, value: { floatValue: -12.3 } },
      { key: Field.DetailedChargeState, value: { detailedChargeStateValue: 8 } },
      { key: Field.TpmsSoftWarnings, value: { tireLocationValue: { rearRight: true } } },
      { key: Field.VehicleSpeed, value: { doubleValue: Number.NaN } },
      { key: Field.RatedRange, value: { doubleValue: 999 } },
      { key: Field.Location, value: { locationValue: {} } },
      { key: 300, value: { intValue: 7 } },
    ]);
    await connectivity(rig, true);
    await eventually(() => rig.isDone('home'));
    await eventually(() => seen.has(`fleetbridge/${VIN}/connectivity`));
    const values = Object.fromEntries(
      [...seen].flatMap(([topic, text]) =>
        topic.startsWith(`fleetbridge/${VIN}/v/`) ? [[topic.split('/')[3], text]] : [],
      ),
    );
    expect(values).toEqual({
      TimeToFullCharge: 'null',
      Gear: 'null',
      DoorState: 'null',
      TpmsPressureFl: '2.9',
      OutsideTemp: '-12.3',
      DetailedChargeState: '"8"',
      TpmsSoftWarnings: '{"rear_right":true}',
      VehicleSpeed: 'null',
      RatedRange: '999',
      Location: '{"latitude":0,"longitude":0}',
      300: '7',
    });
    for (const [topic, text] of seen) if (topic.startsWith('fleetbridge/')) JSON.parse(text);
    expect(seen.get('fleetbridge_bridge/home/0')).toBe('online');
  });

  it('publishes everything that is known again to a broker that forgot it, without a record', async ({
    redisServer,
    redis,
    cleanup,
  }) => {
    const { rig, broker, listen, url } = await parts({ redisServer, redis, cleanup }, { persistence: false });
    await rig.subscribe({ name: 'home', topics: ['V', 'connectivity'], mqtt: { url, homeAssistant: true }, ...QUICK });
    const first = rig.start();
    await connectivity(rig, true);
    await vehicleData(rig, [
      { key: Field.Soc, value: { doubleValue: 50 } },
      { key: Field.Locked, value: { booleanValue: true } },
      { key: Field.Odometer, value: { doubleValue: 1_000 } },
      { key: Field.Location, value: { locationValue: { latitude: 48, longitude: 11 } } },
      { key: Field.VehicleName, value: { stringValue: '"Überwagen"' } },
      { key: Field.TpmsSoftWarnings, value: { tireLocationValue: { frontLeft: true } } },
    ]);
    await eventually(() => rig.isDone('home'));
    const expected = {
      'fleetbridge_bridge/home/0': 'online',
      [`fleetbridge/${VIN}/v/Soc`]: '50',
      [`fleetbridge/${VIN}/v/Locked`]: 'true',
      [`fleetbridge/${VIN}/v/Odometer`]: '1000',
      [`fleetbridge/${VIN}/v/Location`]: '{"latitude":48,"longitude":11}',
      [`fleetbridge/${VIN}/v/VehicleName`]: '"\\"Überwagen\\""',
      [`fleetbridge/${VIN}/v/TpmsSoftWarnings`]: '{"front_left":true}',
      [`fleetbridge/${VIN}/connectivity`]:
        '{"ConnectionId":"c","CreatedAt":"1970-01-01T00:00:01Z","Status":"CONNECTED"}',
    };
    const entities = ['sensor/Soc', 'binary_sensor/Locked', 'sensor/Odometer', 'device_tracker/Location'];
    const isComplete = async () => {
      const seen = await listen();
      await eventually(() => expect(Object.fromEntries(seen)).toMatchObject(expected));
      for (const entity of [...entities, 'binary_sensor/connectivity']) {
        const [component, id] = entity.split('/');
        const config = JSON.parse(seen.get(`homeassistant/${component}/fleetbridge_${VIN}/${id}/config`)!);
        expect(config.device.name).toBe('Überwagen');
      }
    };
    await isComplete();
    // a restart of the broker
    await broker.end();
    await broker.start();
    await isComplete();
    // a restart of the dispatcher and of the broker
    await first.stop({ deadlineMs: 1_000 });
    await broker.end();
    await broker.start();
    rig.start();
    await isComplete();
  });

  it('is online again at once after a broken connection, without a record', async ({ redisServer, redis, cleanup }) => {
    const { rig, broker, listen } = await parts({ redisServer, redis, cleanup });
    const relay = await startTcpRelay(broker.port);
    cleanup.push(() => relay.stop());
    const seen = await listen();
    const statuses: string[] = [];
    const url = `mqtt://127.0.0.1:${relay.port}`;
    await listen((topic, text) => {
      if (topic === 'car/status') statuses.push(text);
    });
    await rig.subscribe({ name: 'home', topics: ['V'], mqtt: { url, statusTopic: 'car/status' } });
    rig.start();
    await eventually(() => statuses.at(-1) === 'online');
    relay.cut();
    // the last will, and the new session
    await eventually(() => expect(statuses).toEqual(['online', 'offline', 'online']));
    relay.cut();
    await eventually(() => expect(statuses).toHaveLength(5));
    expect(seen.get('car/status')).toBe('online');
    expect([...seen.keys()]).toEqual(['car/status']);
  });

  it('publishes known values only of vehicles, topics and signals of the subscription, and nothing undelivered', async ({
    redisServer,
    redis,
    cleanup,
  }) => {
    const { rig, broker, listen, url } = await parts({ redisServer, redis, cleanup }, { persistence: false });
    const seen = await listen();
    for (const vin of [VIN, 'OTHER']) {
      const data = [
        { key: Field.Soc, value: { doubleValue: 1 } },
        { key: Field.Odometer, value: { doubleValue: 2 } },
      ];
      await rig.addRaw({ vin, topic: 'V', payload: encodeMessage('V', { data }) });
    }
    await connectivity(rig, true);
    // starts after these records
    const definition = { name: 'home', topics: ['V'], vins: [VIN], signals: ['Soc'], mqtt: { url } };
    await rig.store.create({ name: 'home', origin: 'cli', definition }, { from: 'now', nowMs: Date.now() });
    rig.start();
    const expected = ['fleetbridge_bridge/home/0', `fleetbridge/${VIN}/v/Soc`];
    await eventually(() => expect([...seen.keys()].sort()).toEqual([...expected].sort()));
    const received: string[] = [];
    await broker.end();
    for (const n of [2, 3]) await rig.add(VIN, n);
    await broker.start();
    await listen((topic, text) => {
      if (topic.endsWith('/Soc')) received.push(text);
    });
    await eventually(() => rig.isDone('home'));
    await eventually(() => received.at(-1) === '3');
    expect(received.filter((text) => text !== '1')).toEqual(received.includes('2') ? ['2', '3'] : ['3']);
  });

  it('does not count what the broker refuses as delivered, and logs it', async ({ redisServer, redis, cleanup }) => {
    const acl = 'user fb\ntopic readwrite fleetbridge/#\n\nuser watcher\ntopic readwrite #\n';
    const { rig, listen, url } = await parts({ redisServer, redis, cleanup }, { acl });
    const seen = await listen(undefined, { username: 'watcher' });
    const mqtt = { url, username: 'fb', homeAssistant: true };
    await rig.subscribe({ name: 'home', topics: ['V'], mqtt, ...QUICK, maximumDeliveries: 2 });
    await rig.subscribe({ name: 'plain', topics: ['V'], mqtt: { url, username: 'fb' }, ...QUICK });
    rig.start();
    await rig.add(VIN, 1);
    await eventually(() => rig.isDone('home'));
    await eventually(() => rig.isDone('plain'));
    expect(rig.counts.get('home')).toMatchObject({ delivered: 0, rejected: 2, deadLettered: 1 });
    // only the status is refused, values are published
    expect(rig.counts.get('plain')).toMatchObject({ delivered: 1, rejected: 0 });
    await eventually(() => seen.get(`fleetbridge/${VIN}/v/Soc`) === '1');
    expect([...seen.keys()]).toEqual([`fleetbridge/${VIN}/v/Soc`]);
    const logged = (event: string) => rig.lines.filter((line) => line.event === event);
    expect(logged('mqtt_status_refused')).toMatchObject([{ reason: 'Not authorized' }, { reason: 'Not authorized' }]);
    expect(logged('mqtt_publish_refused')).toMatchObject([
      { subscription: 'home', topic: expect.stringMatching(/^homeassistant\//), reason: 'Not authorized' },
    ]);
    expect(logged('record_dead_lettered')).toMatchObject([{ error: expect.stringContaining('Not authorized') }]);
  });

  it('delivers to a broker that knows MQTT 3.1.1 only', async ({ redisServer, redis, cleanup }) => {
    const { rig, broker, listen } = await parts({ redisServer, redis, cleanup });
    const old = await startOldBroker(broker.port);
    cleanup.push(() => old.stop());
    const seen = await listen();
    await rig.subscribe({ name: 'home', topics: ['V'], mqtt: { url: `mqtt://127.0.0.1:${old.port}` }, ...QUICK });
    rig.start();
    await rig.add(VIN, 1);
    await eventually(() => seen.get(`fleetbridge/${VIN}/v/Soc`) === '1');
    await eventually(() => expect(rig.counts.get('home')).toMatchObject({ delivered: 1 }));
    expect(old.refused).toBeGreaterThan(0);
  });

  it('announces the entity of the signal whatever its first value, and removes one of another kind', async ({
    redisServer,
    redis,
    cleanup,
  }) => {
    const { rig, listen, url } = await parts({ redisServer, redis, cleanup });
    const seen = await listen();
    const topicOf = (entity: string, id: string) => `homeassistant/${entity}/fleetbridge_${VIN}/${id}/config`;
    const former = await connectAsync(url);
    cleanup.push(() => former.end(true));
    const kept = ['homeassistant/sensor/another/Locked/config', topicOf('sensor', 'Soc')];
    const outdated = [topicOf('sensor', 'Locked'), topicOf('sensor', 'DoorState'), 'fleetbridge/bridge/home/0'];
    for (const topic of [...kept, ...outdated]) await former.publishAsync(topic, '{}', { qos: 1, retain: true });
    await rig.subscribe({ name: 'home', topics: ['V'], mqtt: { url, homeAssistant: true } });
    rig.start();
    const signals = [Field.Locked, Field.Location, Field.RatedRange, Field.DoorState, Field.ScheduledChargingStartTime];
    await vehicleData(
      rig,
      signals.map((key) => ({ key, value: { invalid: true } })),
    );
    await eventually(() => rig.isDone('home'));
    for (const topic of outdated) await eventually(() => seen.get(topic) === '');
    const announced = [...seen].filter(([topic, text]) => topic.startsWith(`homeassistant/`) && text.length > 2);
    expect(
      announced.map(([topic]) => topic.replace(/^homeassistant\/|fleetbridge_.*?\/|\/config$/g, '')).sort(),
    ).toEqual([
      ...['DriverFront', 'DriverRear', 'PassengerFront', 'PassengerRear', 'TrunkFront', 'TrunkRear'].map(
        (door) => `binary_sensor/DoorState_${door}`,
      ),
      'binary_sensor/Locked',
      'device_tracker/Location',
      'sensor/RatedRange',
      'sensor/ScheduledChargingStartTime',
    ]);
    for (const topic of kept) expect(seen.get(topic)).toBe('{}');
    await vehicleData(rig, [{ key: Field.Locked, value: { booleanValue: true } }]);
    await eventually(() => seen.get(`fleetbridge/${VIN}/v/Locked`) === 'true');
    expect([...seen].filter(([topic, text]) => topic.endsWith('/Locked/config') && text.length > 2)).toHaveLength(1);
  });

  it('never replaces a value by an older one that comes later, in one run and after a restart', async ({
    redisServer,
    redis,
    cleanup,
  }) => {
    const { rig, listen, url } = await parts({ redisServer, redis, cleanup });
    const texts = new Map<string, string[]>();
    // without repeats: a new session publishes the known values again
    await listen((topic, text) => {
      const earlier = texts.get(topic) ?? [];
      if (earlier.at(-1) !== text) texts.set(topic, [...earlier, text]);
    });
    await rig.subscribe({ name: 's', mqtt: { url, homeAssistant: true }, ...QUICK });
    const of = (path: string) => texts.get(`fleetbridge/${VIN}/${path}`);
    const locked = (isLocked: boolean, agoMs: number, soc?: number) => {
      const data = [
        { key: Field.Locked, value: { booleanValue: isLocked } },
        ...(soc === undefined ? [] : [{ key: Field.Soc, value: { doubleValue: soc } }]),
      ];
      return rig.addRaw({
        vin: VIN,
        topic: 'V',
        payload: encodeMessage('V', { data, vin: VIN, isResend: agoMs > 0 }),
        createdMs: Date.now() - agoMs,
      });
    };
    const alert = (audiences: number[], agoMs: number) => {
      const alerts = [{ name: 'A1', audiences, startedAt: timestampOf(Date.now() - agoMs) }];
      const payload = encodeMessage('alerts', { alerts, vin: VIN });
      return rig.addRaw({ vin: VIN, topic: 'alerts', payload, createdMs: Date.now() - agoMs });
    };
    const first = rig.start();
    const entryId = await locked(true, 0);
    await locked(false, 600_000, 50);
    await alert([1], 0);
    await alert([3], 600_000);
    await connectivity(rig, true);
    await connectivity(rig, false);
    await eventually(() => rig.isDone('s'));
    // the older record brings the newest value of another signal
    await eventually(() => expect(of('v/Soc')).toEqual(['50']));
    expect(of('v/Locked')).toEqual(['true']);
    expect(of('alerts/A1/current')).toHaveLength(1);
    await eventually(() => expect(of('connectivity')).toHaveLength(2));
    await first.stop({ deadlineMs: 2_000 });

    // as the snapshot keeper writes it
    const { snapshotPrefix } = rig.logStore.keysOf(VIN);
    await redis.hset(snapshotPrefix + VIN, 'Locked', JSON.stringify([Date.now() - 1_000, entryId, true]));
    rig.start();
    await locked(false, 300_000, 51);
    await eventually(() => expect(of('v/Soc')).toEqual(['50', '51']));
    await locked(false, 0);
    await eventually(() => expect(of('v/Locked')).toEqual(['true', 'false']));
    await eventually(() => expect(rig.counts.get('s')).toMatchObject({ delivered: 8, rejected: 0 }));
  });

  it('loses nothing while the broker hangs and restarts, each vehicle in order', async ({
    redisServer,
    redis,
    cleanup,
  }) => {
    const { rig, broker, listen, url } = await parts({ redisServer, redis, cleanup });
    const log: { vin: string; n: number }[] = [];
    const onMessage = (topic: string, text: string) => {
      const [, vin = '', kind] = topic.split('/');
      if (kind === 'v') log.push({ vin, n: Number(text) });
    };
    // a persistent session, so that the subscriber receives everything that the broker acknowledged
    await listen(onMessage, { clientId: 'listener', clean: false, reconnectPeriod: 20 });
    await rig.subscribe({ name: 's', topics: ['V'], mqtt: { url, retain: false }, ...QUICK });
    rig.start();
    const vins = ['A', 'B', 'C', 'D'];
    const add = async (from: number, to: number) => {
      for (let n = from; n < to; n++) for (const vin of vins) await rig.add(vin, n);
    };
    await add(0, 20);
    await eventually(() => rig.isDone('s'));
    broker.freeze();
    await add(20, 40);
    await eventually(() => rig.counts.get('s')?.suspended === 1);
    broker.thaw();
    await eventually(() => rig.isDone('s'));
    const disturbed = add(40, 80);
    await broker.end();
    await disturbed;
    await broker.start();
    await eventually(() => rig.isDone('s'));
    await eventually(() => expect(new Set(log.map(({ vin, n }) => vin + n)).size).toBe(320));
    expect(disorder(log)).toEqual([]);
    expect(rig.counts.get('s')).toMatchObject({ deadLettered: 0, delivered: 320 });
  });
});

interface Parts {
  rig: DispatchRig;
  broker: Broker;
  url: string;
  /** The last message of each topic, from now on, and what the broker kept. */
  listen(onMessage?: (topic: string, text: string) => void, options?: IClientOptions): Promise<Map<string, string>>;
}

async function parts(
  { redisServer, redis, cleanup }: Omit<RedisTestContext, 'namespace' | 'store'>,
  brokerOptions: MosquittoOptions = {},
): Promise<Parts> {
  const broker = await startMosquitto(mosquitto!, brokerOptions);
  cleanup.push(() => broker.dispose());
  const rig = dispatchRig(redis, { url: redisServer.url });
  cleanup.push(() => rig.dispose());
  const url = `mqtt://127.0.0.1:${broker.port}`;
  return {
    rig,
    broker,
    url,
    listen: async (onMessage, options = {}) => {
      const client: MqttClient = await connectAsync(url, { reconnectPeriod: 0, ...options });
      client.on('error', () => {});
      cleanup.push(() => client.end(true));
      const seen = new Map<string, string>();
      client.on('message', (topic, bytes) => {
        seen.set(topic, bytes.toString());
        onMessage?.(topic, bytes.toString());
      });
      await client.subscribeAsync('#', { qos: 1 });
      return seen;
    },
  };
}

/** With signals and members of enums that the schema lacks. */
async function vehicleData(rig: DispatchRig, data: { key: number; value: Record<string, unknown> }[]): Promise<void> {
  await rig.addRaw({ vin: VIN, topic: 'V', payload: encodeMessage('V', { data: data as Datum[], vin: VIN }) });
}

async function connectivity(rig: DispatchRig, isConnected: boolean): Promise<void> {
  const status = isConnected ? ConnectivityEvent.CONNECTED : ConnectivityEvent.DISCONNECTED;
  const message = { vin: VIN, connectionId: 'c', status, createdAt: timestampOf(1_000), networkInterface: 'wifi' };
  await rig.addRaw({ vin: VIN, topic: 'connectivity', payload: encodeMessage('connectivity', message) });
}

interface Discovery {
  unique_id: string;
  state_topic?: string | undefined;
  json_attributes_topic?: string | undefined;
  availability: { topic: string }[];
  device: object;
}

/** Written from Home Assistant's documentation of MQTT discovery: settings and values that each component takes. */
function discoverySchema(component: string): z.ZodType<Discovery> {
  const common = {
    name: z.string().min(1),
    unique_id: z.string().min(1),
    availability: z.array(z.strictObject({ topic: z.string().min(1) })),
    icon: z.string().startsWith('mdi:').optional(),
    entity_category: z.literal('diagnostic').optional(),
    enabled_by_default: z.boolean().optional(),
    device: z.strictObject({
      identifiers: z.array(z.string()),
      manufacturer: z.string(),
      model: z.string().optional(),
      name: z.string(),
      serial_number: z.string(),
    }),
    origin: z.strictObject({ name: z.string(), sw_version: z.string() }),
  };
  const state = { state_topic: z.string().min(1), value_template: z.string().startsWith('{') };
  const sensorClasses = [
    'battery',
    'distance',
    'duration',
    'enum',
    'current',
    'energy',
    'energy_storage',
    'power',
    'pressure',
    'speed',
    'temperature',
    'voltage',
  ];
  const binaryClasses = ['connectivity', 'door', 'heat', 'lock', 'occupancy', 'plug', 'presence'];
  switch (component) {
    case 'sensor':
      return z.strictObject({
        ...common,
        ...state,
        device_class: z.enum(sensorClasses).optional(),
        state_class: z.enum(['measurement', 'total', 'total_increasing']).optional(),
        unit_of_measurement: z.string().optional(),
        suggested_display_precision: z.int().min(0).optional(),
        options: z.array(z.string().min(1)).min(1).optional(),
      });
    case 'binary_sensor':
      return z.strictObject({ ...common, ...state, device_class: z.enum(binaryClasses).optional() });
    case 'device_tracker':
      return z.strictObject({
        ...common,
        json_attributes_topic: z.string().min(1),
        json_attributes_template: z.string().min(1),
        source_type: z.literal('gps'),
      });
    default:
      throw new Error(`no component of ours: ${component}`);
  }
}
