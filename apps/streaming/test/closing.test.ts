// However a TeslaMate-like client is ended, it never gets a close frame: TCP ends, and the client lives on.

import { TeslaMateClient } from '@fleetbridge/simulator';
import { connectRedis, type RedisConnection, whenReady } from '@fleetbridge/store';
import { type DisposableRedis, eventually, startRedis } from '@fleetbridge/testing';
import { cleanupAfterEach } from '@fleetbridge/testing/cleanup';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type Replica, type ReplicaOptions, startReplica, TOKEN } from './replica.js';
import { createStreamingLives } from './streaming-lives.js';
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

type Setting = Omit<ReplicaOptions, 'url' | 'namespace'>;
interface Scene {
  replica: Replica;
  vehicle: VehicleLog;
  /** One that says what it likes; subscribed. */
  raw: RawClient;
}

describe('no close frame is sent', () => {
  it.each<[string, Setting, (scene: Scene) => unknown, string]>([
    ['by a shutdown', {}, ({ replica }) => replica.stop(), 'shutdown'],
    [
      'when the token is revoked',
      {},
      async ({ replica, raw }) => {
        const { token, grant } = await replica.tokens.create({ vin: VIN, label: '', nowMs: 1 });
        raw.subscribe(token);
        await eventually(() => raw.updates() === 2);
        await replica.tokens.revoke(grant.id);
      },
      'token_revoked',
    ],
    [
      'when our own code fails',
      {},
      ({ replica, raw }) => {
        replica.access.identify = () => {
          throw new TypeError('a mistake');
        };
        raw.subscribe();
      },
      'internal_error',
    ],
    [
      'when telling a frame fails',
      {},
      ({ replica, vehicle }) => {
        replica.feeds.of(VIN).messages.of = () => {
          throw new TypeError('a mistake');
        };
        return vehicle.send({ VehicleSpeed: 99 }, 99_000);
      },
      'internal_error',
    ],
    ['to a client that never pongs', { pace: { noPongEndMs: 30, idlePingEveryMs: 5 } }, () => {}, 'no_pong'],
    [
      'to a client that unsubscribes and stays',
      { pace: { noSubscribeMs: 40 } },
      ({ raw }) => raw.send('{"msg_type":"data:unsubscribe"}'),
      'no_subscribe',
    ],
    [
      'to a client that has subscribed to what is no vehicle and stays',
      { pace: { noSubscribeMs: 40 } },
      ({ raw }) =>
        raw.send(`{"msg_type":"data:subscribe_oauth","token":"${TOKEN}","value":"speed","tag":"no vehicle"}`),
      'no_subscribe',
    ],
  ])('%s', async (_, setting, happen, reason) => {
    const { replica, vehicle, url } = await open({ ...setting, pace: { quietMs: 20, ...setting.pace } });
    const raw = await rawClient(url, { answersPings: reason !== 'no_pong' });
    raw.subscribe();
    await eventually(() => raw.updates() === 1);
    await happen({ replica, vehicle, raw });
    await eventually(() => raw.closes.length === 1);
    expect(raw.closes).toEqual([1006]);
    expect(replica.counts.ended).toEqual({ [reason]: 1 });
  });

  it.each<[string, (raw: RawClient) => unknown]>([
    ['a message that is too long', (raw) => raw.send('x'.repeat(100_000))],
    ['a close frame of its own', (raw) => raw.socket.close(1011)],
    ['a frame that is none', (raw) => raw.write(Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]))],
    ['a text that is not UTF-8', (raw) => raw.write(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28]))],
    ['an unmasked frame', (raw) => raw.write(Buffer.from([0x81, 0x01, 0x61]))],
  ])('to a client that sends %s', async (_, misbehave) => {
    const { url } = await open();
    const raw = await rawClient(url);
    raw.subscribe();
    await eventually(() => raw.updates() === 1);
    misbehave(raw);
    await eventually(() => raw.closes.length === 1);
    expect(raw.closes).toEqual([1006]);
  });

  it.each([
    ['bad JSON', '{'],
    ['an unknown message', '{"msg_type":"x"}'],
    ['a binary message', Buffer.from([1, 2, 3])],
    ['a subscribe without a tag', '{"msg_type":"data:subscribe_oauth"}'],
  ])('nor is a client ended for %s', async (_, message) => {
    const { url, vehicle } = await open();
    const raw = await rawClient(url);
    raw.subscribe();
    await eventually(() => raw.updates() === 1);
    raw.send(message);
    await vehicle.send({ VehicleSpeed: 99 }, 99_000);
    await eventually(() => raw.updates() === 2);
    expect(raw.closes).toEqual([]);
  });
});

describe('a client that does not read', () => {
  it('is ended at a bounded buffer, and goes on where it was when it is back', async () => {
    const { replica, vehicle, url } = await open({
      pace: { unreadBytes: 50_000, pingEveryMs: 10, replayFramesPerSecond: 100_000 },
    });
    const wide = Array.from({ length: 64 }, (_, n) => (n === 0 ? 'speed' : 'odometer')).join();
    const slow = await rawClient(url);
    slow.subscribe(TOKEN, wide);
    await eventually(() => slow.updates() === 1);
    slow.socket.pause();
    let timeMs = 2_000;
    while (replica.counts.droppedSubscribers === 0) {
      const batch = Array.from({ length: 500 }, () => vehicle.send({ VehicleSpeed: timeMs % 7 }, timeMs++));
      await Promise.all(batch);
    }
    await eventually(() => replica.counts.ended.messages_unread === 1);
    await eventually(() => replica.counts.slots === 0);
    // what had left for it is still on its way
    slow.socket.resume();
    await eventually(() => slow.closes.length === 1);
    expect(slow.closes).toEqual([1006]);

    const back = await rawClient(url);
    back.subscribe(TOKEN, wide);
    await eventually(() => back.times().at(-1) === timeMs - 1);
    const seen = new Set([...slow.times(), ...back.times()]);
    expect(seen.size).toBe(timeMs - 2_000 + 1);
    expect(replica.counts.frames).toBeGreaterThan(seen.size - 1);
  });

  it('holds up nobody else', async () => {
    const { vehicle, url } = await open();
    const slow = await rawClient(url);
    const other = await rawClient(url);
    for (const one of [slow, other]) {
      one.subscribe();
      await eventually(() => one.updates() === 1);
    }
    slow.socket.pause();
    await Promise.all(Array.from({ length: 500 }, (_, n) => vehicle.send({ VehicleSpeed: n % 7 }, 2_000 + n)));
    await eventually(() => other.updates() === 501);
  });
});

describe('a TeslaMate-like client lives on', () => {
  it('through a restart in good order, in which nothing that it has confirmed comes again', async () => {
    const namespace = `closing-${namespaces++}`;
    const lives = await createStreamingLives({ redisUrl: redisServer.url, namespace });
    cleanUp.push(() => lives.end('SIGKILL'));
    await lives.start();
    const vehicle = await drivingVehicle(namespace);
    const client = new TeslaMateClient({
      url: `ws://127.0.0.1:${lives.port}`,
      token: TOKEN,
      tag: VIN,
      timeFactor: 0.2,
    });
    cleanUp.push(() => client.stop());
    await client.connect();
    await client.waitFor(({ frames }) => frames.length === 1);
    await vehicle.send({ VehicleSpeed: 31 }, 2_000);
    await client.waitFor(({ frames }) => frames.length === 2);
    expect(await lives.end('SIGTERM')).toBe(0);
    await client.waitFor((one) => one.count('disconnected') === 1);
    // its pong is a message, too; it is half a second since it sent anything
    expect(client.events.find(({ type }) => type === 'disconnected')).toMatchObject({ type: 'disconnected' });
    await vehicle.send({ VehicleSpeed: 32 }, 3_000);
    await lives.start();
    await client.waitFor(({ frames }) => frames.length >= 3);
    await vehicle.send({ VehicleSpeed: 33 }, 4_000);
    await client.waitFor(({ frames }) => frames.length >= 4);
    expect(client.frames.map(({ timeMs }) => timeMs)).toEqual([1_000, 2_000, 3_000, 4_000]);
    expect(client.crashes).toEqual([]);
    expect(await lives.metric('fleetbridge_streaming_replayed_frames_total')).toBe(1);
    expect(await lives.metric('fleetbridge_streaming_slots')).toBe(1);
  });
});

async function open(setting: Setting = {}) {
  const namespace = `closing-${namespaces++}`;
  const replica = await startReplica({ url: redisServer.url, namespace, ...setting });
  cleanUp.push(() => replica.stop());
  return { replica, url: replica.url, vehicle: await drivingVehicle(namespace) };
}

async function drivingVehicle(namespace: string): Promise<VehicleLog> {
  const vehicle = new VehicleLog(redis, namespace, VIN);
  await vehicle.connect();
  await vehicle.send(driving, 1_000);
  return vehicle;
}

type RawClient = Awaited<ReturnType<typeof rawClient>>;

async function rawClient(url: string, { answersPings = true } = {}) {
  const socket = new WebSocket(`${url}/streaming/`, { autoPong: answersPings });
  const messages: string[] = [];
  const closes: number[] = [];
  socket.on('message', (data) => messages.push(data.toString()));
  socket.on('close', (code) => closes.push(code));
  socket.on('error', () => {});
  cleanUp.push(() => socket.terminate());
  let tcp: import('node:net').Socket | undefined;
  socket.once('upgrade', (response) => {
    tcp = response.socket;
  });
  await new Promise((resolve) => socket.once('open', resolve));
  const times = () =>
    messages.flatMap((text) => {
      const { msg_type, value } = JSON.parse(text);
      return msg_type === 'data:update' ? [Number(value.split(',')[0])] : [];
    });
  return {
    socket,
    closes,
    times,
    updates: () => times().length,
    send: (message: string | Buffer) => socket.send(message),
    write: (bytes: Buffer) => tcp?.write(bytes),
    subscribe: (token = TOKEN, value = 'speed,shift_state') =>
      socket.send(JSON.stringify({ msg_type: 'data:subscribe_oauth', token, value, tag: VIN })),
  };
}
