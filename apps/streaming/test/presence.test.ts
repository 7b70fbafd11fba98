// What a client hears of a vehicle that drives, charges, sleeps and vanishes, message by message (reference: TeslaMate
// contract, section 2).
import { DetailedChargeState, Field } from '@fleetbridge/protocol';
import { connectRedis, type RedisConnection, whenReady } from '@fleetbridge/store';
import { type DisposableRedis, eventually, startRedis } from '@fleetbridge/testing';
import { cleanupAfterEach } from '@fleetbridge/testing/cleanup';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type ReplicaOptions, startReplica, TOKEN } from './replica.js';
import { driving, VehicleLog } from './vehicle-log.js';

const VIN = '5YJ3E1EA7KF000001';
const HELLO = 'hello';
const OFFLINE = 'Vehicle is offline';
const GONE = 'vehicle_disconnected';
let redisServer: DisposableRedis;
let redis: RedisConnection;
let namespaces = 0;
const cleanUp = cleanupAfterEach();

beforeAll(async () => {
  redisServer = await startRedis();
  redis = connectRedis({ url: redisServer.url, name: 'test' });
  await whenReady(redis, 5_000);
});
afterAll(async () => {
  redis.disconnect();
  await redisServer.stop();
});

describe('connected', () => {
  it('and driving: hello, the present, a frame a record that changes a column', async () => {
    const { vehicle, newClient } = await open();
    await vehicle.send(driving, 1_000);
    const client = await newClient();
    client.subscribe();
    await client.heard([HELLO, '1000,D,21']);
    await vehicle.send({ PackCurrent: 52.3 }, 2_000);
    await vehicle.send({ PackCurrent: 52.2 }, 3_000);
    await vehicle.send({ PackCurrent: 0 }, 4_000);
    await client.heard([HELLO, '1000,D,21', '2000,D,-21', '4000,D,0']);
  });

  it('and parked: power is a number; then hello, and no frame again', async () => {
    const { vehicle, newClient } = await open({ pace: { helloEveryMs: 20 } });
    await vehicle.send({ Location: [48.1, 11.5], Gear: 'P' }, 1_000);
    const client = await newClient();
    client.subscribe();
    await eventually(() => client.hellos() >= 4);
    await client.heard([HELLO, '1000,P,0', HELLO]);
  });

  it('and charging: no letter, negative power', async () => {
    const { vehicle, newClient } = await open();
    await vehicle.send({ ...driving, Gear: 'P', PackCurrent: 0 }, 1_000);
    const client = await newClient();
    client.subscribe();
    await client.heard([HELLO, '1000,P,0']);
    const charging = DetailedChargeState.DetailedChargeStateCharging;
    await vehicle.sendData(
      [
        { key: Field.DetailedChargeState, value: { detailedChargeStateValue: charging } },
        { key: Field.ACChargingPower, value: { doubleValue: 11.04 } },
      ],
      2_000,
    );
    await client.heard([HELLO, '1000,P,0', '2000,,-11']);
  });
});

describe('a parked vehicle', () => {
  it('that goes: offline once, a last frame without a letter, disconnected; then nothing, whatever happens', async () => {
    const { vehicle, newClient } = await open({ pace: { helloEveryMs: 20 } });
    await vehicle.send({ Location: [48.1, 11.5], Gear: 'P', VehicleSpeed: 0 }, 1_000);
    const client = await newClient();
    client.subscribe();
    await client.heard([HELLO, '1000,P,0', HELLO]);
    await vehicle.disconnect();
    const told = [HELLO, '1000,P,0', HELLO, OFFLINE, '1000,,0', GONE];
    await client.heard(told);

    // it wakes, drives and goes again, all before the client subscribes
    await vehicle.connect();
    await vehicle.send({ Gear: 'D', PackVoltage: 400, PackCurrent: -50 }, 2_000);
    await vehicle.send({ PackCurrent: -100 }, 3_000);
    await client.silent();
    client.subscribe();
    await client.heard([...told, HELLO, '2000,D,20', '3000,D,40'], { orMore: true });
  });

  it('that sleeps: each subscribe is answered with hello and disconnected; offline is said once a connection', async () => {
    const { vehicle, newClient } = await open({ pace: { helloEveryMs: 20 } });
    await vehicle.send({ Location: [48.1, 11.5], Gear: 'P' }, 1_000);
    await vehicle.disconnect();
    const client = await newClient();
    client.subscribe();
    await client.heard([HELLO, OFFLINE, GONE]);
    await client.silent();
    client.subscribe();
    await client.heard([HELLO, OFFLINE, GONE, HELLO, GONE]);
    await client.silent();
    const next = await newClient();
    next.subscribe();
    await next.heard([HELLO, OFFLINE, GONE]);
  });

  it('that wakes: the next subscribe hears the present', async () => {
    const { vehicle, newClient } = await open();
    await vehicle.send({ Location: [48.1, 11.5], Gear: 'P' }, 1_000);
    await vehicle.disconnect();
    const client = await newClient();
    client.subscribe();
    await client.heard([HELLO, OFFLINE, GONE]);
    await vehicle.connect();
    await client.silent();
    client.subscribe();
    await client.heard([HELLO, OFFLINE, GONE, HELLO, '1000,P,0']);
    // gone again is news again
    await vehicle.disconnect();
    await client.heard([HELLO, OFFLINE, GONE, HELLO, '1000,P,0', OFFLINE, '1000,,0', GONE]);
  });

  it('that comes back as it was shows its letter again, and nothing to a client that has it', async () => {
    const { vehicle, newClient } = await open();
    await vehicle.send({ Location: [48.1, 11.5], Gear: 'P' }, 1_000);
    const client = await newClient();
    client.subscribe();
    await client.heard([HELLO, '1000,P,0']);
    client.subscribe();
    await client.heard([HELLO, '1000,P,0', HELLO]);
    await vehicle.disconnect();
    await client.heard([HELLO, '1000,P,0', HELLO, OFFLINE, '1000,,0', GONE]);
    await vehicle.connect();
    client.subscribe();
    await client.heard([HELLO, '1000,P,0', HELLO, OFFLINE, '1000,,0', GONE, HELLO, '1000,P,0']);
  });
});

describe('a vehicle that vanishes in a drive', () => {
  it('is not missed for two minutes, and its frames go on', async () => {
    const { vehicle, newClient } = await open();
    await vehicle.send(driving, 1_000);
    const client = await newClient();
    client.subscribe();
    await client.heard([HELLO, '1000,D,21']);
    await vehicle.disconnect({ agoMs: 100_000 });
    await client.silent();
    await vehicle.connect();
    await vehicle.send({ PackCurrent: -100 }, 2_000);
    await client.heard([HELLO, '1000,D,21', '2000,D,40']);
  });

  it('is gone after that: offline, a last frame without a letter, disconnected', async () => {
    const { vehicle, newClient } = await open();
    await vehicle.send(driving, 1_000);
    const client = await newClient();
    client.subscribe();
    await client.heard([HELLO, '1000,D,21']);
    await vehicle.disconnect({ agoMs: 119_900 });
    await client.heard([HELLO, '1000,D,21', OFFLINE, '1000,,0', GONE]);
  });

  it('is replayed to a client that waits to subscribe, as far as it has not heard', async () => {
    const { vehicle, newClient } = await open();
    await vehicle.send(driving, 1_000);
    const client = await newClient();
    client.subscribe();
    await client.heard([HELLO, '1000,D,21']);
    await vehicle.disconnect({ agoMs: 130_000 });
    const told = [HELLO, '1000,D,21', OFFLINE, '1000,,0', GONE];
    await client.heard(told);
    await vehicle.connect();
    await vehicle.send({ PackCurrent: -100 }, 2_000);
    await vehicle.send({ PackCurrent: -200 }, 3_000);
    await client.silent();
    client.subscribe();
    await client.heard([...told, HELLO, '2000,D,40', '3000,D,80']);
  });

  it('is shown to nobody who comes only then', async () => {
    const { vehicle, newClient } = await open();
    await vehicle.send(driving, 1_000);
    await vehicle.disconnect({ agoMs: 130_000 });
    const client = await newClient();
    client.subscribe();
    await client.heard([HELLO, OFFLINE, GONE]);
  });

  it('is told whole to who comes back only then', async () => {
    const { vehicle, newClient, isConfirmed } = await open({ pace: { pingEveryMs: 5 } });
    await vehicle.send(driving, 1_000);
    const client = await newClient();
    client.subscribe();
    await client.heard([HELLO, '1000,D,21']);
    await eventually(isConfirmed);
    client.socket.terminate();
    await vehicle.send({ PackCurrent: -100 }, 2_000);
    await vehicle.disconnect({ agoMs: 130_000 });
    const back = await newClient();
    back.subscribe();
    await back.heard([HELLO, '2000,D,40', OFFLINE, '2000,,0', GONE]);
  });
});

describe('a tag', () => {
  it.each([
    ['that no vehicle has', '5YJ3E1EA7KF999999'],
    ['that can be none', 'no VIN at all, '.repeat(100)],
  ])('%s is a vehicle that is offline', async (_, tag) => {
    const { newClient } = await open();
    const client = await newClient();
    client.subscribe(tag);
    await client.heard([HELLO, OFFLINE, GONE]);
  });
});

async function open(setting: Omit<ReplicaOptions, 'url' | 'namespace'> = {}) {
  const namespace = `presence-${namespaces++}`;
  const replica = await startReplica({ url: redisServer.url, namespace, ...setting });
  cleanUp.push(() => replica.stop());
  const vehicle = new VehicleLog(redis, namespace, VIN);
  await vehicle.connect();
  return {
    vehicle,
    newClient: () => newClient(replica.url),
    isConfirmed: async () =>
      (await redis.hvals(`${namespace}:{0}:slots:${VIN}`))[0]?.endsWith(vehicle.lastEntry) === true,
  };
}

async function newClient(url: string) {
  const socket = new WebSocket(`${url}/streaming/`);
  const messages: string[] = [];
  socket.on('message', (data) => messages.push(data.toString()));
  cleanUp.push(() => socket.terminate());
  await new Promise((resolve) => socket.once('open', resolve));
  /** One hello for several in a row: how many there are is a matter of time. */
  const kinds = () => messages.map(kindOf).filter((kind, n, all) => kind !== HELLO || all[n - 1] !== HELLO);
  return {
    socket,
    kinds,
    hellos: () => messages.filter((text) => kindOf(text) === HELLO).length,
    subscribe: (tag = VIN) =>
      socket.send(JSON.stringify({ msg_type: 'data:subscribe_oauth', token: TOKEN, value: 'shift_state,power', tag })),
    /** These messages, and no others a moment later. */
    heard: async (expected: string[], { orMore = false } = {}) => {
      await eventually(() => kinds().length >= expected.length, 5_000).catch(() => {});
      if (!orMore && !expected.at(-1)?.startsWith(HELLO)) await turns();
      expect(orMore ? kinds().slice(0, expected.length) : kinds()).toEqual(expected);
    },
    /** Nothing comes for several times as long as a hello takes in these tests. */
    silent: async () => {
      const count = messages.length;
      await new Promise((resolve) => setTimeout(resolve, 70));
      expect(kinds().slice(count)).toEqual([]);
    },
  };
}

/** Time for a message that should not come, to come. */
function turns(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 15));
}

function kindOf(text: string): string {
  const { msg_type, error_type, value } = JSON.parse(text);
  if (msg_type === 'control:hello') return HELLO;
  if (msg_type === 'data:update') return value;
  return error_type === 'vehicle_error' ? value : error_type;
}
