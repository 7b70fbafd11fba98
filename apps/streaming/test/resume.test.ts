// Order and resume as a TeslaMate-like client meets them: real sockets, a real Redis, servers in this process.
import { Field } from '@fleetbridge/protocol';
import { TeslaMateClient, type TeslaMateFrame } from '@fleetbridge/simulator';
import { connectRedis, partitionKeys, type RedisConnection, whenReady } from '@fleetbridge/store';
import { type DisposableRedis, eventually, startRedis } from '@fleetbridge/testing';
import { cleanupAfterEach } from '@fleetbridge/testing/cleanup';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ReplicaOptions, startReplica, startWay, TOKEN } from './replica.js';
import { driving, VehicleLog } from './vehicle-log.js';

const VIN = '5YJ3E1EA7KF000001';
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

describe('a client that was cut off in a drive', () => {
  it('is sent what it missed, in order, with its own times, and then what comes', async () => {
    const { vehicle, replica, way, client } = await open();
    const teslaMate = client();
    await drive(vehicle, [1, 2, 3]);
    await teslaMate.connect();
    await seen(teslaMate, [3]);
    await drive(vehicle, [4, 5]);
    await seen(teslaMate, [3, 4, 5]);
    await confirmed(vehicle.lastEntry);
    way.cut();
    await drive(vehicle, [6, 7, 8]);
    await teslaMate.waitFor((one) => one.count('connected') === 2);
    await drive(vehicle, [9]);
    await seen(teslaMate, [3, 4, 5, 6, 7, 8, 9]);
    expect(teslaMate.frames.map(({ speed }) => speed)).toEqual([3, 4, 5, 6, 7, 8, 9]);
    expect(replica.counts.replayedFrames).toBeGreaterThanOrEqual(3);
    expect(teslaMate.crashes).toEqual([]);
  });

  it('is sent again what it had not confirmed, and nothing else', async () => {
    const { vehicle, way, client } = await open({ pace: { pingEveryMs: 3_600_000, idlePingEveryMs: 3_600_000 } });
    const teslaMate = client();
    await drive(vehicle, [1]);
    await teslaMate.connect();
    await seen(teslaMate, [1]);
    // the first ping went out with the first frame; none comes after it
    await confirmed(vehicle.lastEntry);
    await drive(vehicle, [2, 3]);
    await seen(teslaMate, [1, 2, 3]);
    way.cut();
    await teslaMate.waitFor((one) => one.count('connected') === 2);
    await drive(vehicle, [4]);
    await seen(teslaMate, [1, 2, 3, 2, 3, 4]);
  });

  it('is sent nothing when it has confirmed everything, not even the present', async () => {
    const { vehicle, way, client } = await open();
    const teslaMate = client();
    await drive(vehicle, [1]);
    await teslaMate.connect();
    await seen(teslaMate, [1]);
    await confirmed(vehicle.lastEntry);
    way.cut();
    await teslaMate.waitFor((one) => one.count('connected') === 2);
    await teslaMate.waitFor(({ messages }) => messages.at(-1)!.text.includes('control:hello'));
    await drive(vehicle, [2]);
    await seen(teslaMate, [1, 2]);
  });

  it('resumes at another replica, which has the same frames', async () => {
    const { vehicle, way, client, options } = await open();
    const teslaMate = client();
    await drive(vehicle, [1, 2]);
    await teslaMate.connect();
    await seen(teslaMate, [2]);
    await drive(vehicle, [3]);
    await seen(teslaMate, [2, 3]);
    const other = await startReplica(options);
    cleanUp.push(() => other.stop());
    await drive(vehicle, [4, 5]);
    await seen(teslaMate, [2, 3, 4, 5]);
    await confirmed(vehicle.lastEntry);
    way.ports = [other.port];
    way.cut();
    await drive(vehicle, [6, 7]);
    await teslaMate.waitFor((one) => one.count('connected') === 2);
    await drive(vehicle, [8]);
    await seen(teslaMate, [2, 3, 4, 5, 6, 7, 8]);
    expect(other.counts.replayedFrames).toBeGreaterThanOrEqual(2);
  });

  it('resumes at a server that was started after all that it missed, and has every value', async () => {
    const { vehicle, way, client, options, replica } = await open();
    const teslaMate = client();
    await drive(vehicle, [1]);
    await teslaMate.connect();
    await seen(teslaMate, [1]);
    await confirmed(vehicle.lastEntry);
    way.ports = [];
    way.cut();
    await replica.stop();
    await drive(vehicle, [2, 3, 4]);
    const next = await startReplica(options);
    cleanUp.push(() => next.stop());
    way.ports = [next.port];
    await seen(teslaMate, [1, 2, 3, 4]);
    for (const frame of teslaMate.frames) {
      expect(frame).toMatchObject({ odometer: 12_345.678, soc: 72, estHeading: 271, power: 21, shiftState: 'D' });
    }
  });

  it('is sent nothing that its own columns do not show, as if it had not been away', async () => {
    const { vehicle, way } = await open();
    await drive(vehicle, [1]);
    const before = await rawClient(way.url);
    before.subscribe('soc');
    await eventually(() => before.times().length === 1);
    await confirmed(vehicle.lastEntry);
    before.socket.terminate();
    await drive(vehicle, [2, 3]);
    const after = await rawClient(way.url);
    after.subscribe('soc');
    await drive(vehicle, [4]);
    await vehicle.send({ Soc: 50 }, 5);
    await eventually(() => after.times().length > 0);
    expect(after.times()).toEqual([5]);
  });

  it('is sent them at a bounded rate', async () => {
    const { vehicle, way, client } = await open({ pace: { replayFramesPerSecond: 200 } });
    const teslaMate = client();
    await drive(vehicle, [1]);
    await teslaMate.connect();
    await seen(teslaMate, [1]);
    await confirmed(vehicle.lastEntry);
    way.cut();
    const missed = Array.from({ length: 60 }, (_, n) => n + 2);
    await drive(vehicle, missed);
    await teslaMate.waitFor(({ frames }) => frames.length === 61);
    const [first, last] = [teslaMate.messages.find(({ text }) => text.includes(',2,'))!, teslaMate.messages.at(-1)!];
    // ten a step, so five pauses of 50 ms between the first and the last
    expect(last.receivedMs - first.receivedMs).toBeGreaterThan(200);
    await seen(teslaMate, [1, ...missed]);
  });
});

describe('a drive that is over', () => {
  it('is not replayed: the vehicle is parked now', async () => {
    const { vehicle, way, client } = await open();
    const teslaMate = client();
    await drive(vehicle, [1]);
    await teslaMate.connect();
    await seen(teslaMate, [1]);
    await confirmed(vehicle.lastEntry);
    way.cut();
    await drive(vehicle, [2, 3]);
    await vehicle.send({ Gear: 'P', VehicleSpeed: 0 }, 4);
    await seen(teslaMate, [1, 4]);
    expect(teslaMate.frames.at(-1)).toMatchObject({ shiftState: 'P' });
  });

  it('is left out when the next one has begun, whose beginning is not', async () => {
    const { vehicle, way, client } = await open();
    const teslaMate = client();
    await drive(vehicle, [1]);
    await teslaMate.connect();
    await seen(teslaMate, [1]);
    await confirmed(vehicle.lastEntry);
    way.cut();
    await drive(vehicle, [2, 3]);
    await vehicle.send({ Gear: 'P', VehicleSpeed: 0 }, 4);
    await vehicle.send({ Gear: 'D' }, 5);
    await drive(vehicle, [6]);
    await seen(teslaMate, [1, 5, 6]);
  });

  it('is not over when the letter is missing at speed', async () => {
    const { vehicle, way, client } = await open();
    const teslaMate = client();
    await drive(vehicle, [1]);
    await teslaMate.connect();
    await seen(teslaMate, [1]);
    await confirmed(vehicle.lastEntry);
    way.cut();
    await drive(vehicle, [2]);
    await vehicle.sendData([{ key: Field.Gear, value: { invalid: true } }], 3);
    await drive(vehicle, [4]);
    await vehicle.send({ Gear: 'D', VehicleSpeed: 5 }, 5);
    await seen(teslaMate, [1, 2, 3, 4, 5]);
  });
});

describe('late records', () => {
  it('go out as far as they are newer than the last frame sent, and the ring holds what went out', async () => {
    const { vehicle, way, client } = await open();
    const teslaMate = client();
    await drive(vehicle, [10]);
    await teslaMate.connect();
    await seen(teslaMate, [10]);
    await confirmed(vehicle.lastEntry);
    way.cut();
    // a backlog with old times, mixed with new ones
    await drive(vehicle, [20, 11, 21, 12, 19, 22, 5]);
    await teslaMate.waitFor((one) => one.count('connected') === 2);
    await drive(vehicle, [13, 23, 14]);
    await seen(teslaMate, [10, 20, 21, 22, 23]);
  });

  it('leave the present as it is', async () => {
    const { vehicle, client } = await open();
    await drive(vehicle, [10, 5]);
    const teslaMate = client();
    await teslaMate.connect();
    await seen(teslaMate, [10]);
    expect(teslaMate.frames[0]).toMatchObject({ speed: 10 });
  });
});

describe('two clients with one token', () => {
  it('of which one is half-open and one unsubscribes in mid-drive each resume their own place', async () => {
    const { vehicle, options, replica } = await open({
      slotTimes: { noPongMs: 1_000, youngMs: 150, deadProcessMs: 300 },
      pace: { pingEveryMs: 20, idlePingEveryMs: 50 },
    });
    const wayOfA = await startWay([replica.port]);
    const wayOfB = await startWay([replica.port]);
    cleanUp.push(wayOfA.stop, wayOfB.stop);
    const a = newClient(wayOfA.url, { timeFactor: 0.75 });
    const b = newClient(wayOfB.url, {});
    await drive(vehicle, [1]);
    await a.connect();
    await seen(a, [1]);
    await b.connect();
    await seen(b, [1]);
    await drive(vehicle, [2]);
    await seen(a, [1, 2]);
    await seen(b, [1, 2]);
    await allConfirmed(2, vehicle.lastEntry);

    // A's line breaks, which the server does not notice; A will be back after its 2 s (here 1.5)
    wayOfA.freeze();
    await drive(vehicle, [3, 4]);
    await seen(b, [1, 2, 3, 4]);
    await eventually(async () => (await slotCursors(options.namespace)).includes(vehicle.lastEntry));
    // B unsubscribes and comes back before A does
    await b.unsubscribe();
    await drive(vehicle, [5]);
    await b.connect();
    await seen(b, [1, 2, 3, 4, 5]);
    await drive(vehicle, [6]);
    await seen(a, [1, 2, 3, 4, 5, 6]);
    await seen(b, [1, 2, 3, 4, 5, 6]);
    expect(a.count('connected')).toBe(2);
    expect(await slotCursors(options.namespace)).toHaveLength(2);
  });

  it('both live get everything, each from its own connection', async () => {
    const { vehicle, client } = await open();
    const clients = [client(), client(), client()];
    await drive(vehicle, [1]);
    for (const one of clients) await one.connect();
    for (const one of clients) await seen(one, [1]);
    await drive(vehicle, [2, 3, 4]);
    for (const one of clients) await seen(one, [1, 2, 3, 4]);
  });
});

describe('data:unsubscribe', () => {
  it('on a connection that stays keeps the position, and no record comes twice on it', async () => {
    const { vehicle, way } = await open({ pace: { pingEveryMs: 3_600_000 } });
    const raw = await rawClient(way.url);
    await drive(vehicle, [1]);
    raw.subscribe();
    await eventually(() => raw.times().length === 1);
    await drive(vehicle, [2]);
    await eventually(() => raw.times().length === 2);
    raw.send({ msg_type: 'data:unsubscribe', tag: VIN });
    await drive(vehicle, [3, 4]);
    raw.subscribe();
    await drive(vehicle, [5]);
    await eventually(() => raw.times().length === 5);
    expect(raw.times()).toEqual([1, 2, 3, 4, 5]);
  });
});

async function open(settings: Omit<ReplicaOptions, 'url' | 'namespace'> = {}) {
  const namespace = `resume-${namespaces++}`;
  const options: ReplicaOptions = {
    url: redisServer.url,
    namespace,
    ...settings,
    pace: { pingEveryMs: 10, idlePingEveryMs: 100, retryMs: 20, ...settings.pace },
    slotTimes: { youngMs: 0, ...settings.slotTimes },
  };
  const vehicle = new VehicleLog(redis, namespace, VIN);
  await vehicle.connect();
  const replica = await startReplica(options);
  cleanUp.push(() => replica.stop());
  const way = await startWay([replica.port]);
  cleanUp.push(way.stop);
  namespaceInUse = namespace;
  return {
    vehicle,
    replica,
    way,
    options,
    client: (clientOptions: ClientOptions = {}) => newClient(way.url, clientOptions),
  };
}

let namespaceInUse = '';
type ClientOptions = { timeFactor?: number; token?: string };

function newClient(url: string, options: ClientOptions): TeslaMateClient {
  const client = new TeslaMateClient({ url, token: TOKEN, tag: VIN, timeFactor: 0.05, ...options });
  cleanUp.push(() => client.stop());
  return client;
}

/** A record a time, each with its time as speed; the first one has everything. */
async function drive(vehicle: VehicleLog, times: number[]): Promise<void> {
  for (const time of times) {
    const isFirst = !vehicle.hasDriven;
    vehicle.hasDriven = true;
    await vehicle.send(isFirst ? { ...driving, VehicleSpeed: time } : { VehicleSpeed: time }, time);
  }
}

/** Waits for these times, and fails at once when others come. */
async function seen(client: TeslaMateClient, times: number[]): Promise<void> {
  const seenTimes = () => client.frames.map(({ timeMs }: TeslaMateFrame) => timeMs);
  await eventually(() => client.frames.length >= times.length).catch(() => {});
  expect(seenTimes()).toEqual(times);
}

async function slotCursors(namespace = namespaceInUse): Promise<string[]> {
  const slots = await redis.hvals(partitionKeys(namespace, 0).slotsPrefix + VIN);
  return slots.map((slot) => slot.split(' ')[4]!);
}

async function confirmed(entry: string): Promise<void> {
  await eventually(async () => (await slotCursors()).includes(entry));
}

async function allConfirmed(count: number, entry: string): Promise<void> {
  await eventually(async () => (await slotCursors()).filter((cursor) => cursor === entry).length === count);
}

async function rawClient(url: string) {
  const { WebSocket } = await import('ws');
  const socket = new WebSocket(`${url}/streaming/`);
  const messages: string[] = [];
  socket.on('message', (data) => messages.push(data.toString()));
  socket.on('error', () => {});
  cleanUp.push(() => socket.terminate());
  await new Promise((resolve) => socket.once('open', resolve));
  const send = (message: object) => socket.send(JSON.stringify(message));
  return {
    socket,
    messages,
    send,
    subscribe: (columns = 'speed,shift_state') =>
      send({ msg_type: 'data:subscribe_oauth', token: TOKEN, value: columns, tag: VIN }),
    times: () =>
      messages.flatMap((text) => {
        const { msg_type, value } = JSON.parse(text);
        return msg_type === 'data:update' ? [Number(value.split(',')[0])] : [];
      }),
  };
}
