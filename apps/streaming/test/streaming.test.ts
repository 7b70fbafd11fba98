// The streaming server as TeslaMate meets it: real sockets, a real Redis, and a client that behaves as TeslaMate's does.

import { Access } from '@fleetbridge/access';
import { decodeRecord, encodeMessage, Field, ShiftState, timestampOf, type VehicleData } from '@fleetbridge/protocol';
import { createLogger } from '@fleetbridge/service';
import { TeslaMateClient } from '@fleetbridge/simulator';
import {
  acquireLease,
  connectivityPayload,
  connectRedis,
  partitionKeys,
  type RedisConnection,
  SnapshotStore,
  Store,
  TokenStore,
  whenReady,
} from '@fleetbridge/store';
import { type DisposableRedis, eventually, startRedis } from '@fleetbridge/testing';
import { cleanupAfterEach } from '@fleetbridge/testing/cleanup';
import { allReadings, emptyState, mergeRecord, readingsToHash } from '@fleetbridge/vehicle-state';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { Elevation } from '../src/frames/elevation.js';
import { Feeds } from '../src/frames/feeds.js';
import { createCounts } from '../src/metrics.js';
import type { Pace } from '../src/owner/pace.js';
import { startStreamingServer } from '../src/server.js';

const VIN = '5YJ3E1EA7KF000001';
const TOKEN = 'bridge-token';
const log = createLogger({ name: 'test', level: 'silent' });
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

const driving = {
  Location: [48.1, 11.5],
  Gear: 'D',
  VehicleSpeed: 30.4,
  Soc: 71.6,
  Odometer: 12_345.678,
  GpsHeading: 271.2,
  PackVoltage: 400,
  PackCurrent: -52.3,
} as const;

describe('a subscriber of a connected vehicle', () => {
  it('gets hello, the present frame, then a frame for each record that changes a column, in order', async () => {
    const { vehicle, client } = await openBridge();
    await vehicle.connect();
    await vehicle.send(driving, 1_000);
    const teslaMate = client();
    await teslaMate.connect();
    await teslaMate.waitFor(({ frames }) => frames.length === 1);
    await vehicle.send({ VehicleSpeed: 31 }, 2_000);
    await vehicle.send({ VehicleSpeed: 31.2 }, 3_000);
    await vehicle.send({ VehicleSpeed: 0 }, 4_000);
    await teslaMate.waitFor(({ frames }) => frames.length === 3);
    expect(JSON.parse(teslaMate.messages[0]!.text)).toEqual({ msg_type: 'control:hello', connection_timeout: 30_000 });
    expect(teslaMate.frames[0]).toMatchObject({
      timeMs: 1_000,
      speed: 30,
      odometer: 12_345.678,
      soc: 72,
      elevation: null,
      estHeading: 271,
      estLat: 48.1,
      estLng: 11.5,
      power: 21,
      shiftState: 'D',
      heading: 271,
    });
    expect(teslaMate.frames.map(({ timeMs, speed }) => [timeMs, speed])).toEqual([
      [1_000, 30],
      [2_000, 31],
      [4_000, 0],
    ]);
    expect(teslaMate.crashes).toEqual([]);
  });

  it('gets the exact present from snapshot and log, wherever the snapshot stands', async () => {
    const { vehicle, client, snapshotUpTo, restart } = await openBridge();
    await vehicle.connect();
    await vehicle.send(driving, 1_000);
    await snapshotUpTo();
    await vehicle.send({ Soc: 50 }, 2_000);
    await restart();
    await vehicle.send({ VehicleSpeed: 40 }, 3_000);
    const teslaMate = client();
    await teslaMate.connect();
    await teslaMate.waitFor(({ frames }) => frames.some(({ speed }) => speed === 40));
    expect(teslaMate.frames.at(-1)).toMatchObject({
      timeMs: 3_000,
      speed: 40,
      soc: 50,
      odometer: 12_345.678,
      shiftState: 'D',
    });
  });

  it('gets the elevation of a place once it is known, and no frame for its becoming known', async () => {
    let metres: number | undefined;
    const { vehicle, client } = await openBridge({}, { at: () => metres });
    await vehicle.connect();
    await vehicle.send(driving, 1_000);
    const teslaMate = client();
    await teslaMate.connect();
    await teslaMate.waitFor(({ frames }) => frames.length === 1);
    metres = 520;
    await vehicle.send({ Odometer: 12_345.678 }, 2_000);
    await vehicle.send({ VehicleSpeed: 31 }, 3_000);
    await teslaMate.waitFor(({ frames }) => frames.length === 2);
    expect(teslaMate.frames.map(({ timeMs, elevation }) => [timeMs, elevation])).toEqual([
      [1_000, null],
      [3_000, 520],
    ]);
  });

  it('gets no frame before a location is known, and none for a late record', async () => {
    const { vehicle, client, subscribed } = await openBridge();
    await vehicle.connect();
    await vehicle.send({ Gear: 'D', VehicleSpeed: 10 }, 1_000);
    const teslaMate = client();
    await teslaMate.connect();
    await subscribed();
    await vehicle.send({ VehicleSpeed: 11 }, 2_000);
    await vehicle.send({ Location: [48, 11] }, 3_000);
    await vehicle.send({ VehicleSpeed: 9 }, 2_500);
    await vehicle.send({ VehicleSpeed: 12 }, 4_000);
    await teslaMate.waitFor(({ frames }) => frames.length === 2);
    expect(teslaMate.frames.map(({ timeMs, speed }) => [timeMs, speed])).toEqual([
      [3_000, 11],
      [4_000, 12],
    ]);
  });

  it('hears a hello while nothing changes', async () => {
    const { vehicle, client } = await openBridge({ helloEveryMs: 30 });
    await vehicle.connect();
    await vehicle.send(driving, 1_000);
    const teslaMate = client();
    await teslaMate.connect();
    await teslaMate.waitFor(
      ({ messages }) => messages.filter(({ text }) => text.includes('control:hello')).length >= 4,
    );
    expect(teslaMate.frames).toHaveLength(1);
  });

  it('gets the columns that it asked for, and no frame that differs in nothing it sees', async () => {
    const { vehicle, client } = await openBridge();
    await vehicle.connect();
    await vehicle.send(driving, 1_000);
    const teslaMate = client({ columns: ['soc', 'speed'] });
    await teslaMate.connect();
    await teslaMate.waitFor(({ frames }) => frames.length === 1);
    await vehicle.send({ Odometer: 12_346 }, 2_000);
    await vehicle.send({ Soc: 50 }, 3_000);
    await teslaMate.waitFor(({ frames }) => frames.length === 2);
    const values = teslaMate.messages.map(({ text }) => JSON.parse(text).value).filter(Boolean);
    expect(values).toEqual(['1000,72,30', '3000,50,30']);
  });

  it('shares the vehicle with others', async () => {
    const { vehicle, client } = await openBridge();
    await vehicle.connect();
    await vehicle.send(driving, 1_000);
    const clients = [client(), client(), client()];
    await Promise.all(clients.map((one) => one.connect()));
    for (let n = 0; n < 50; n++) await vehicle.send({ VehicleSpeed: 40 + n }, 2_000 + n);
    for (const one of clients) await one.waitFor(({ frames }) => frames.at(-1)?.speed === 89);
    for (const one of clients) expect(one.frames).toEqual(clients[0]!.frames);
  });
});

describe('a vehicle that goes and comes', () => {
  it('is told as offline once, a last frame without a letter, and disconnected; then silence until the next subscribe', async () => {
    const { vehicle, client } = await openBridge({ helloEveryMs: 20 });
    await vehicle.connect();
    await vehicle.send({ ...driving, Gear: 'P' }, 1_000);
    const teslaMate = client({ timeFactor: 0.02 });
    await teslaMate.connect();
    await teslaMate.waitFor(({ frames }) => frames.length === 1);
    await vehicle.disconnect();
    await teslaMate.waitFor((one) => one.count('subscribed_again') === 2);
    const kinds = teslaMate.messages.map(({ text }) => kindOf(text)).filter((kind) => kind !== 'control:hello');
    expect(kinds.slice(0, 5)).toEqual([
      'data:update',
      'Vehicle is offline',
      'data:update',
      'vehicle_disconnected',
      'vehicle_disconnected',
    ]);
    expect(teslaMate.frames.at(-1)).toMatchObject({ shiftState: null, power: 0, timeMs: 1_000 });
    // what came after a vehicle_disconnected came after the client had subscribed again
    expect(teslaMate.count('timed_out')).toBe(0);
    expect(teslaMate.count('disconnected')).toBe(0);
  });

  it('is heard again after the next subscribe', async () => {
    const { vehicle, client } = await openBridge();
    await vehicle.connect();
    await vehicle.send({ ...driving, Gear: 'P' }, 1_000);
    await vehicle.disconnect();
    const teslaMate = client({ timeFactor: 0.005 });
    await teslaMate.connect();
    await teslaMate.waitFor((one) => one.count('vehicle_disconnected') > 0);
    await vehicle.connect();
    await vehicle.send({ Gear: 'D' }, 5_000);
    await teslaMate.waitFor(({ frames }) => frames.some(({ shiftState }) => shiftState === 'D'));
    expect(teslaMate.crashes).toEqual([]);
  });

  it('is not reported when it vanishes in mid-drive', async () => {
    const { vehicle, client } = await openBridge({ helloEveryMs: 20 });
    await vehicle.connect();
    await vehicle.send(driving, 1_000);
    const teslaMate = client();
    await teslaMate.connect();
    await vehicle.disconnect();
    await vehicle.connect();
    await vehicle.send({ VehicleSpeed: 50 }, 2_000);
    await teslaMate.waitFor(({ frames }) => frames.at(-1)?.speed === 50);
    expect(teslaMate.count('vehicle_disconnected')).toBe(0);
    expect(teslaMate.count('vehicle_offline')).toBe(0);
  });

  it('that nobody knows is offline', async () => {
    const { client } = await openBridge();
    const teslaMate = client();
    await teslaMate.connect();
    await teslaMate.waitFor((one) => one.count('vehicle_disconnected') === 1);
    expect(teslaMate.messages.map(({ text }) => kindOf(text))).toEqual([
      'control:hello',
      'Vehicle is offline',
      'vehicle_disconnected',
    ]);
  });
});

describe('tokens', () => {
  it('that are wrong get hello, and the error late; never a frame, never a close', async () => {
    const { vehicle, client, counts } = await openBridge({ tokenErrorAfterMs: 100, helloEveryMs: 40 });
    await vehicle.connect();
    await vehicle.send(driving, 1_000);
    const teslaMate = client({ token: 'wrong', timeFactor: 0.1 });
    const startedMs = Date.now();
    await teslaMate.connect();
    await vehicle.send({ VehicleSpeed: 50 }, 2_000);
    await teslaMate.waitFor((one) => one.count('tokens_expired') === 1);
    expect(Date.now() - startedMs).toBeGreaterThanOrEqual(100);
    expect(kindOf(teslaMate.messages[0]!.text)).toBe('control:hello');
    expect(teslaMate.frames).toEqual([]);
    // TeslaMate makes its own new connection; a server that ended TCP would crash it
    await teslaMate.waitFor((one) => one.count('connected') === 2);
    expect(teslaMate.crashes).toEqual([]);
    expect(counts.refusedTokens).toBeGreaterThanOrEqual(1);
  });

  it('of one vehicle open that vehicle only', async () => {
    const { vehicle, client, tokens } = await openBridge({ tokenErrorAfterMs: 30 });
    await vehicle.connect();
    await vehicle.send(driving, 1_000);
    const { token } = await tokens.create({ vin: VIN, label: '', nowMs: 1 });
    const right = client({ token });
    const other = client({ token, tag: '5YJ3E1EA7KF000002' });
    await Promise.all([right.connect(), other.connect()]);
    await right.waitFor(({ frames }) => frames.length === 1);
    await other.waitFor((one) => one.count('tokens_expired') === 1);
  });

  it('may come in the forms that users write', async () => {
    const { vehicle, client } = await openBridge();
    await vehicle.connect();
    await vehicle.send(driving, 1_000);
    const teslaMate = client({ token: `?token=${TOKEN}` });
    await teslaMate.connect();
    await teslaMate.waitFor(({ frames }) => frames.length === 1);
  });
});

describe('a client that misbehaves', () => {
  it.each([
    ['bad JSON', '{'],
    ['an unknown message', '{"msg_type":"x"}'],
    ['a binary message', Buffer.from([1, 2, 3])],
  ])('with %s is heard on', async (_, message) => {
    const { vehicle, url } = await openBridge();
    await vehicle.connect();
    await vehicle.send(driving, 1_000);
    const { socket, messages } = await rawClient(url);
    socket.send(message);
    socket.send(JSON.stringify({ msg_type: 'data:subscribe_oauth', token: TOKEN, value: 'speed', tag: VIN }));
    await eventually(() => messages.some((text) => text.includes('data:update')));
  });

  it.each([
    ['a message that is too long', (socket: WebSocket) => socket.send('x'.repeat(100_000))],
    ['a close frame of its own', (socket: WebSocket) => socket.close(1011)],
  ])('with %s is ended without a close frame', async (_, misbehave) => {
    const { url } = await openBridge();
    const { socket, closes } = await rawClient(url);
    misbehave(socket);
    await eventually(() => closes.length === 1);
    expect(closes).toEqual([1006]);
  });

  it('does not end the server by a wrong path', async () => {
    const { url } = await openBridge();
    await expect(rawClient(url, '/elsewhere')).rejects.toThrow('404');
    await rawClient(url, '/streaming');
  });
});

describe('a stop of the server', () => {
  it('ends TCP without a close frame, in a quiet moment', async () => {
    const { vehicle, client, server } = await openBridge({ quietMs: 20 });
    await vehicle.connect();
    await vehicle.send(driving, 1_000);
    const teslaMate = client();
    await teslaMate.connect();
    await teslaMate.waitFor(({ frames }) => frames.length === 1);
    await server().stop();
    await teslaMate.waitFor((one) => one.count('disconnected') === 1);
    expect(teslaMate.crashes).toEqual([]);
  });
});

/** A bridge on a namespace of its own, a vehicle that writes to its log as ingest would, and clients for it. */
async function openBridge(pace: Partial<Pace> = {}, elevation?: Pick<Elevation, 'at'>) {
  const namespace = `streaming-${namespaces++}`;
  const store = new Store({ redis, url: redisServer.url, namespace, partitions: 1 });
  const { records, lease } = partitionKeys(namespace, 0);
  const snapshots = new SnapshotStore(store);
  const tokens = new TokenStore(store);
  const counts = createCounts();
  let serving: Awaited<ReturnType<typeof serve>>;
  const serve = async (port: number) => {
    const feeds = new Feeds({
      store,
      resumeWindowMs: 900_000,
      elevation,
      snapshots,
      counts,
      log,
      now: Date.now,
      onReadable: () => {},
    });
    await feeds.start();
    const access = new Access({ isRequired: true, bridgeToken: TOKEN, tokens });
    const server = await startStreamingServer({
      host: '127.0.0.1',
      port,
      certificate: undefined,
      access,
      feeds,
      counts,
      log,
      now: Date.now,
      pace: { quietMs: 5, ...pace },
    });
    return { server, feeds };
  };
  const stop = async () => {
    await serving.server.stop();
    await serving.feeds.stop();
  };
  serving = await serve(0);
  cleanUp.push(() => stop());

  const state = emptyState();
  let lastEntry = '';
  const append = async (topic: 'V' | 'connectivity', payload: Buffer, createdMs: number) => {
    lastEntry = (await redis.xadd(
      records,
      '*',
      'vin',
      VIN,
      'topic',
      topic,
      'txid',
      't',
      'created',
      createdMs,
      'received',
      createdMs,
      'version',
      '',
      'payload',
      payload,
    ))!;
    mergeRecord(state, { entryId: lastEntry, timeMs: createdMs, decoded: decodeRecord(topic, payload)! });
    await eventually(() => serving.feeds.cursor(0) === lastEntry);
  };
  const presence = (isConnected: boolean) => {
    const payload = connectivityPayload({
      vin: VIN,
      connectionId: 'c-1',
      isConnected,
      atMs: Date.now(),
      networkInterface: 'wifi',
    });
    return append('connectivity', payload, Date.now());
  };
  return {
    counts,
    tokens,
    url: `ws://127.0.0.1:${serving.server.port}`,
    server: () => serving.server,
    /** A hello is said before the subscriber listens. */
    subscribed: () => eventually(() => serving.feeds.of(VIN).subscribers > 0),
    vehicle: {
      connect: () => presence(true),
      disconnect: () => presence(false),
      send: (signals: Signals, createdMs: number) => append('V', vehicleData(signals, createdMs), createdMs),
    },
    client: (options: { token?: string; tag?: string; columns?: string[]; timeFactor?: number } = {}) => {
      const client = new TeslaMateClient({
        url: `ws://127.0.0.1:${serving.server.port}`,
        token: TOKEN,
        tag: VIN,
        ...options,
      });
      cleanUp.push(() => client.stop());
      return client;
    },
    /** Writes the snapshot as the dispatcher would. */
    snapshotUpTo: async () => {
      const held = (await acquireLease(store, {
        partition: 0,
        name: 'snapshot',
        owner: 'test',
        leaseMs: 60_000,
      }))!;
      const changes = new Map([[VIN, readingsToHash(state, allReadings(state))]]);
      await snapshots.commit(0, { lease: held, cursor: lastEntry, changes });
      await redis.del(lease('snapshot'));
    },
    restart: async () => {
      const { port } = serving.server;
      await stop();
      serving = await serve(port);
    },
  };
}

type Signals = { Location?: readonly [number, number]; Gear?: 'P' | 'D' } & Partial<
  Record<'VehicleSpeed' | 'Soc' | 'Odometer' | 'GpsHeading' | 'PackVoltage' | 'PackCurrent', number>
>;

function vehicleData({ Location, Gear, ...numbers }: Signals, createdMs: number): Buffer {
  const data: VehicleData['data'] = Object.entries(numbers).map(([name, value]) => ({
    key: Field[name as 'Soc'],
    value: { doubleValue: value },
  }));
  if (Location)
    data.push({ key: Field.Location, value: { locationValue: { latitude: Location[0], longitude: Location[1] } } });
  if (Gear) data.push({ key: Field.Gear, value: { shiftStateValue: ShiftState[`ShiftState${Gear}`] } });
  return encodeMessage('V', { data, createdAt: timestampOf(createdMs), vin: VIN });
}

function kindOf(text: string): string {
  const { msg_type, error_type, value } = JSON.parse(text);
  return msg_type !== 'data:error' ? msg_type : error_type === 'vehicle_error' ? value : error_type;
}

async function rawClient(url: string, path = '/streaming/') {
  const socket = new WebSocket(url + path);
  const messages: string[] = [];
  const closes: number[] = [];
  socket.on('message', (data) => messages.push(data.toString()));
  socket.on('close', (code) => closes.push(code));
  cleanUp.push(() => socket.terminate());
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  return { socket, messages, closes };
}
