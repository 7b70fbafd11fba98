// However a TeslaMate-like client is disconnected, it gets no close frame: TCP ends, and the client survives.
import { TeslaMateClient } from '@fleetbridge/simulator';
import type { RedisConnection } from '@fleetbridge/store';
import { eventually, wallClock } from '@fleetbridge/testing';
import { describe, expect } from 'vitest';
import { type Rig, type RigOptions, TOKEN, VIN } from './streaming-rig.js';
import { it as streamingTest, type TestSocket } from './streaming-test.js';
import { driving, VehicleLog } from './vehicle-log.js';

interface Scene {
  rig: Rig;
  vehicle: VehicleLog;
  /** A subscribed client that can send anything. */
  raw: OwnerSocket;
}

interface Setup {
  rig: Rig;
  vehicle: VehicleLog;
  connect: (options?: { autoPong?: boolean }) => Promise<OwnerSocket>;
}

const it = streamingTest.extend<{ open: (options?: Partial<RigOptions>) => Promise<Setup> }>({
  open: async ({ startRig, connect }, use) => {
    await use(async (options) => {
      const rig = await startRig(options);
      const vehicle = await drivingVehicle(rig.redis, rig.namespace);
      return { rig, vehicle, connect: async (how) => ownerSocket(await connect(rig.wsUrl, how)) };
    });
  },
});

it('ends a client that never pongs in time although the clock is set back by an hour', async ({ open, cleanup }) => {
  const { rig, connect } = await open({ pace: { noPongEndMs: 200, idlePingEveryMs: 5 } });
  const clock = wallClock();
  cleanup.push(() => clock.reset());
  const raw = await connect({ autoPong: false });
  raw.subscribe();
  await eventually(() => raw.updates() === 1);
  clock.set(-3_600_000);
  await eventually(() => raw.closes.length === 1, 5_000);
  expect(rig.counts.ended).toEqual({ no_pong: 1 });
});

describe('no close frame is sent', () => {
  it.for<[string, Partial<RigOptions>, (scene: Scene) => unknown, string]>([
    ['by a shutdown', {}, ({ rig }) => rig.stop(), 'shutdown'],
    [
      'when the token is revoked',
      {},
      async ({ rig, raw }) => {
        const { token, grant } = await rig.tokens.create({ vin: VIN, label: '', nowMs: 1 });
        raw.subscribe(token);
        await eventually(() => raw.updates() === 2);
        await rig.tokens.revoke(grant.id);
      },
      'token_revoked',
    ],
    [
      'when our own code fails',
      {},
      ({ rig, raw }) => {
        rig.access.identify = () => {
          throw new TypeError('a mistake');
        };
        raw.subscribe();
      },
      'internal_error',
    ],
    [
      'when a frame can not be sent',
      {},
      ({ rig, vehicle }) => {
        rig.feeds.of(VIN).messages.of = () => {
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
      'to a client that has subscribed to a malformed tag and stays',
      { pace: { noSubscribeMs: 40 } },
      ({ raw }) =>
        raw.send(`{"msg_type":"data:subscribe_oauth","token":"${TOKEN}","value":"speed","tag":"no vehicle"}`),
      'no_subscribe',
    ],
  ])('%s', async ([_, options, happen, reason], { open }) => {
    const { rig, vehicle, connect } = await open({ ...options, pace: { quietMs: 20, ...options.pace } });
    const raw = await connect({ autoPong: reason !== 'no_pong' });
    raw.subscribe();
    await eventually(() => raw.updates() === 1);
    await happen({ rig, vehicle, raw });
    await eventually(() => raw.closes.length === 1);
    expect(raw.closes).toEqual([1006]);
    expect(rig.counts.ended).toEqual({ [reason]: 1 });
  });

  it.for<[string, (raw: OwnerSocket) => unknown]>([
    ['a message that is too long', (raw) => raw.send('x'.repeat(100_000))],
    ['a close frame of its own', (raw) => raw.socket.close(1011)],
    ['a malformed frame', (raw) => raw.write(Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]))],
    ['a text that is not UTF-8', (raw) => raw.write(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28]))],
    ['an unmasked frame', (raw) => raw.write(Buffer.from([0x81, 0x01, 0x61]))],
  ])('to a client that sends %s', async ([_, misbehave], { open }) => {
    const { connect } = await open();
    const raw = await connect();
    raw.subscribe();
    await eventually(() => raw.updates() === 1);
    misbehave(raw);
    await eventually(() => raw.closes.length === 1);
    expect(raw.closes).toEqual([1006]);
  });

  it.for<[string, string | Buffer]>([
    ['bad JSON', '{'],
    ['an unknown message', '{"msg_type":"x"}'],
    ['a binary message', Buffer.from([1, 2, 3])],
    ['a subscribe without a tag', '{"msg_type":"data:subscribe_oauth"}'],
  ])('and a client is not disconnected for %s', async ([_, message], { open }) => {
    const { connect, vehicle } = await open();
    const raw = await connect();
    raw.subscribe();
    await eventually(() => raw.updates() === 1);
    raw.send(message);
    await vehicle.send({ VehicleSpeed: 99 }, 99_000);
    await eventually(() => raw.updates() === 2);
    expect(raw.closes).toEqual([]);
  });
});

describe('a client that does not read', () => {
  it('is disconnected at a bounded buffer, and resumes where it was', async ({ open }) => {
    const { rig, vehicle, connect } = await open({
      pace: { unreadBytes: 50_000, pingEveryMs: 10, replayFramesPerSecond: 100_000 },
    });
    const wide = Array.from({ length: 64 }, (_, n) => (n === 0 ? 'speed' : 'odometer')).join();
    const slow = await connect();
    slow.subscribe(TOKEN, wide);
    await eventually(() => slow.updates() === 1);
    slow.socket.pause();
    let timeMs = 2_000;
    while (rig.counts.droppedSubscribers === 0) {
      const batch = Array.from({ length: 500 }, () => vehicle.send({ VehicleSpeed: timeMs % 7 }, timeMs++));
      await Promise.all(batch);
    }
    await eventually(() => rig.counts.ended.messages_unread === 1);
    await eventually(() => rig.counts.slots === 0);
    // sent messages are still in transit
    slow.socket.resume();
    await eventually(() => slow.closes.length === 1);
    expect(slow.closes).toEqual([1006]);

    const back = await connect();
    back.subscribe(TOKEN, wide);
    await eventually(() => back.times().at(-1) === timeMs - 1);
    const seen = new Set([...slow.times(), ...back.times()]);
    expect(seen.size).toBe(timeMs - 2_000 + 1);
    expect(rig.counts.frames).toBeGreaterThan(seen.size - 1);
  });

  it('does not delay other clients', async ({ open }) => {
    const { vehicle, connect } = await open();
    const slow = await connect();
    const other = await connect();
    for (const one of [slow, other]) {
      one.subscribe();
      await eventually(() => one.updates() === 1);
    }
    slow.socket.pause();
    await Promise.all(Array.from({ length: 500 }, (_, n) => vehicle.send({ VehicleSpeed: n % 7 }, 2_000 + n)));
    await eventually(() => other.updates() === 501);
  });
});

describe('a TeslaMate-like client survives', () => {
  it('a restart in good order, after which no confirmed frame is repeated', async ({
    createProcess,
    redis,
    namespace,
    cleanup,
  }) => {
    const server = createProcess();
    await server.start();
    const vehicle = await drivingVehicle(redis, namespace);
    const client = new TeslaMateClient({
      url: `ws://127.0.0.1:${server.port}`,
      token: TOKEN,
      tag: VIN,
      timeFactor: 0.2,
    });
    cleanup.push(() => client.stop());
    await client.connect();
    await client.waitFor(({ frames }) => frames.length === 1);
    await vehicle.send({ VehicleSpeed: 31 }, 2_000);
    await client.waitFor(({ frames }) => frames.length === 2);
    expect(await server.end('SIGTERM')).toBe(0);
    await client.waitFor((one) => one.count('disconnected') === 1);
    // its pong is a message, too: it has been quiet for half a second
    expect(client.events.find(({ type }) => type === 'disconnected')).toMatchObject({ type: 'disconnected' });
    await vehicle.send({ VehicleSpeed: 32 }, 3_000);
    await server.start();
    await client.waitFor(({ frames }) => frames.length >= 3);
    await vehicle.send({ VehicleSpeed: 33 }, 4_000);
    await client.waitFor(({ frames }) => frames.length >= 4);
    expect(client.frames.map(({ timeMs }) => timeMs)).toEqual([1_000, 2_000, 3_000, 4_000]);
    expect(client.crashes).toEqual([]);
    expect(await server.metric('fleetbridge_streaming_replayed_frames_total')).toBe(1);
    expect(await server.metric('fleetbridge_streaming_slots')).toBe(1);
  });
});

async function drivingVehicle(redis: RedisConnection, namespace: string): Promise<VehicleLog> {
  const vehicle = new VehicleLog(redis, namespace, VIN);
  await vehicle.connect();
  await vehicle.send(driving, 1_000);
  return vehicle;
}

type OwnerSocket = ReturnType<typeof ownerSocket>;

function ownerSocket(client: TestSocket) {
  const times = () =>
    client.messages.flatMap((text) => {
      const { msg_type, value } = JSON.parse(text);
      return msg_type === 'data:update' ? [Number(value.split(',')[0])] : [];
    });
  return {
    ...client,
    times,
    updates: () => times().length,
    write: (bytes: Buffer) => client.tcp.write(bytes),
    subscribe: (token = TOKEN, value = 'speed,shift_state') =>
      client.send({ msg_type: 'data:subscribe_oauth', token, value, tag: VIN }),
  };
}
