// The streaming server with a client that behaves as TeslaMate does: real sockets, a real Redis.
import { decodeRecord } from '@fleetbridge/protocol';
import { TeslaMateClient } from '@fleetbridge/simulator';
import { acquireLease, SnapshotStore } from '@fleetbridge/store';
import { eventually, wallClock } from '@fleetbridge/testing';
import { allReadings, emptyState, mergeRecord, readingsToHash } from '@fleetbridge/vehicle-state';
import { describe, expect } from 'vitest';
import type { WebSocket } from 'ws';
import { OTHER_VIN, type Rig, type RigOptions, TOKEN, VIN } from './streaming-rig.js';
import { it as streamingTest } from './streaming-test.js';
import { type Signals, VehicleLog } from './vehicle-log.js';

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

type ClientOptions = { token?: string; tag?: string; columns?: string[]; timeFactor?: number };

interface Setup {
  /** The server that is running. */
  rig: () => Rig;
  /** Writes to the log; each call resolves when the server has read the record. */
  vehicle: {
    connect: () => Promise<void>;
    disconnect: () => Promise<void>;
    send: (signals: Signals, createdMs: number) => Promise<void>;
  };
  client: (options?: ClientOptions) => TeslaMateClient;
  /** Writes the snapshot as the dispatcher does. */
  writeSnapshot: () => Promise<void>;
  restart: () => Promise<void>;
}

const it = streamingTest.extend<{ open: (options?: Partial<RigOptions>) => Promise<Setup> }>({
  open: async ({ startRig, redis, namespace, cleanup }, use) => {
    await use(async (options) => {
      let rig = await startRig(options);
      const log = new VehicleLog(redis, namespace, VIN);
      const appended = async (entry: Promise<string>) => {
        const id = await entry;
        await eventually(() => rig.feeds.cursor(0) === id);
      };
      return {
        rig: () => rig,
        vehicle: {
          connect: () => appended(log.connect()),
          disconnect: () => appended(log.disconnect()),
          send: (signals, createdMs) => appended(log.send(signals, createdMs)),
        },
        client: (clientOptions) => {
          const client = new TeslaMateClient({ url: rig.origin, token: TOKEN, tag: VIN, ...clientOptions });
          cleanup.push(() => client.stop());
          return client;
        },
        writeSnapshot: async () => {
          const state = emptyState();
          for (const { id, createdMs, topic, payload } of await rig.entries()) {
            mergeRecord(state, { entryId: id, timeMs: createdMs, decoded: decodeRecord(topic, payload)! });
          }
          const lease = (await acquireLease(rig.store, {
            partition: 0,
            name: 'snapshot',
            owner: 'test',
            leaseMs: 60_000,
          }))!;
          const changes = new Map([[VIN, readingsToHash(state, allReadings(state))]]);
          const snapshots = new SnapshotStore(rig.store);
          await snapshots.commit(0, { lease, cursor: log.lastEntry, changes });
          await redis.del(rig.store.keys(0).lease('snapshot'));
        },
        restart: async () => {
          await rig.stop();
          rig = await startRig(options);
        },
      };
    });
  },
});

describe('a subscriber of a connected vehicle', () => {
  it('receives hello, the present frame, then a frame per record that changes a column, in order', async ({ open }) => {
    const { vehicle, client } = await open();
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

  it('receives the exact present from snapshot and log, wherever the cursor of the snapshot is', async ({ open }) => {
    const { vehicle, client, writeSnapshot, restart } = await open();
    await vehicle.connect();
    await vehicle.send(driving, 1_000);
    await writeSnapshot();
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

  it('receives the elevation of a location once it is known, but no frame because of it', async ({ open }) => {
    let metres: number | undefined;
    const { vehicle, client } = await open({ elevation: { at: () => metres } });
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

  it('receives no frame before a location is known, nor for a late record', async ({ open }) => {
    const { vehicle, client, rig } = await open();
    await vehicle.connect();
    await vehicle.send({ Gear: 'D', VehicleSpeed: 10 }, 1_000);
    const teslaMate = client();
    await teslaMate.connect();
    await eventually(() => rig().feeds.of(VIN).subscribers > 0);
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

  it('receives a hello while nothing changes', async ({ open }) => {
    const { vehicle, client } = await open({ pace: { helloEveryMs: 30 } });
    await vehicle.connect();
    await vehicle.send(driving, 1_000);
    const teslaMate = client();
    await teslaMate.connect();
    await teslaMate.waitFor(
      ({ messages }) => messages.filter(({ text }) => text.includes('control:hello')).length >= 4,
    );
    expect(teslaMate.frames).toHaveLength(1);
  });

  it.for([-3_600_000, 3_600_000])(
    'receives hellos and frames as before when the clock is set by %i ms',
    async (setMs, { open, cleanup }) => {
      const { vehicle, client } = await open({ pace: { helloEveryMs: 200, pingEveryMs: 10, idlePingEveryMs: 30 } });
      const clock = wallClock();
      cleanup.push(() => clock.reset());
      await vehicle.connect();
      await vehicle.send(driving, 1_000);
      const teslaMate = client();
      await teslaMate.connect();
      await teslaMate.waitFor(({ frames }) => frames.length === 1);
      clock.set(setMs);
      const hellos = () => teslaMate.messages.filter(({ text }) => text.includes('control:hello')).length;
      const before = hellos();
      await eventually(() => hellos() >= before + 2, 5_000);
      await vehicle.send({ VehicleSpeed: 11 }, 2_000);
      await teslaMate.waitFor(({ frames }) => frames.length === 2);
      expect(teslaMate.isConnected).toBe(true);
    },
  );

  it('receives the requested columns, and no frame in which they are unchanged', async ({ open }) => {
    const { vehicle, client } = await open();
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

  it('receives the same frames as other subscribers of the vehicle', async ({ open }) => {
    const { vehicle, client } = await open();
    await vehicle.connect();
    await vehicle.send(driving, 1_000);
    const clients = [client(), client(), client()];
    await Promise.all(clients.map((one) => one.connect()));
    for (let n = 0; n < 50; n++) await vehicle.send({ VehicleSpeed: 40 + n }, 2_000 + n);
    for (const one of clients) await one.waitFor(({ frames }) => frames.at(-1)?.speed === 89);
    for (const one of clients) expect(one.frames).toEqual(clients[0]!.frames);
  });
});

describe('a vehicle that disconnects and reconnects', () => {
  it('is reported once as offline, with a last frame without a shift state, and as disconnected; then silence until the next subscribe', async ({
    open,
  }) => {
    const { vehicle, client } = await open({ pace: { helloEveryMs: 20 } });
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

  it('is received again after the next subscribe', async ({ open }) => {
    const { vehicle, client } = await open({ pace: { driveBeginsMs: 10 } });
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

  it('is not reported when it vanishes in mid-drive', async ({ open }) => {
    const { vehicle, client } = await open({ pace: { helloEveryMs: 20 } });
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

  it('is offline if it is unknown', async ({ open }) => {
    const { client } = await open();
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
  it('that are wrong get a hello and a late error, never a frame and never a close', async ({ open }) => {
    const { vehicle, client, rig } = await open({ pace: { tokenErrorAfterMs: 100, helloEveryMs: 40 } });
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
    // TeslaMate reconnects on its own; a server that ended TCP would crash it
    await teslaMate.waitFor((one) => one.count('connected') === 2);
    expect(teslaMate.crashes).toEqual([]);
    expect(rig().counts.refusedTokens).toBeGreaterThanOrEqual(1);
  });

  it('of one vehicle give access to that vehicle only', async ({ open }) => {
    const { vehicle, client, rig } = await open({ pace: { tokenErrorAfterMs: 30 } });
    await vehicle.connect();
    await vehicle.send(driving, 1_000);
    const { token } = await rig().tokens.create({ vin: VIN, label: '', nowMs: 1 });
    const right = client({ token });
    const other = client({ token, tag: OTHER_VIN });
    await Promise.all([right.connect(), other.connect()]);
    await right.waitFor(({ frames }) => frames.length === 1);
    await other.waitFor((one) => one.count('tokens_expired') === 1);
  });

  it('are accepted in the forms that users write', async ({ open }) => {
    const { vehicle, client } = await open();
    await vehicle.connect();
    await vehicle.send(driving, 1_000);
    const teslaMate = client({ token: `?token=${TOKEN}` });
    await teslaMate.connect();
    await teslaMate.waitFor(({ frames }) => frames.length === 1);
  });
});

describe('a client that misbehaves', () => {
  it.for<[string, string | Buffer]>([
    ['bad JSON', '{'],
    ['an unknown message', '{"msg_type":"x"}'],
    ['a binary message', Buffer.from([1, 2, 3])],
  ])('with %s is still served', async ([_, message], { open, connect }) => {
    const { vehicle, rig } = await open();
    await vehicle.connect();
    await vehicle.send(driving, 1_000);
    const client = await connect(rig().wsUrl);
    client.send(message);
    client.send({ msg_type: 'data:subscribe_oauth', token: TOKEN, value: 'speed', tag: VIN });
    await eventually(() => client.messages.some((text) => text.includes('data:update')));
  });

  it.for<[string, (socket: WebSocket) => void]>([
    ['a message that is too long', (socket) => socket.send('x'.repeat(100_000))],
    ['a close frame of its own', (socket) => socket.close(1011)],
  ])('with %s is disconnected without a close frame', async ([_, misbehave], { open, connect }) => {
    const { rig } = await open();
    const { socket, closes } = await connect(rig().wsUrl);
    misbehave(socket);
    await eventually(() => closes.length === 1);
    expect(closes).toEqual([1006]);
  });

  it.for(['/streaming', '//streaming/', '///streaming//', '/streaming/?token=x'])(
    'on the path %s is served without a warning',
    async (path, { open, connect }) => {
      const { rig } = await open();
      const client = await connect(`${rig().origin}${path}`);
      client.send({ msg_type: 'data:subscribe_oauth', token: TOKEN, value: 'speed', tag: VIN });
      await eventually(() => client.messages.some((text) => text.includes('vehicle_disconnected')));
      expect(eventsOf(rig(), 'streaming_path_unexpected')).toEqual([]);
    },
  );

  it('on another path is served too, and the path is logged once, without its query', async ({ open, connect }) => {
    const { rig } = await open();
    for (const path of ['/elsewhere?token=secret', '/elsewhere', '/fleet/streaming/', '/']) {
      const client = await connect(`${rig().origin}${path}`);
      client.send({ msg_type: 'data:subscribe_oauth', token: TOKEN, value: 'speed', tag: VIN });
      await eventually(() => client.messages.some((text) => text.includes('vehicle_disconnected')));
    }
    expect(eventsOf(rig(), 'streaming_path_unexpected')).toMatchObject([
      { path: '/elsewhere', remedy: expect.stringContaining('TESLA_WSS_HOST') },
      { path: '/fleet/streaming/' },
      { path: '/' },
    ]);
  });
});

describe('a vehicle of which only V records arrive (Pub/Sub without the topic connectivity)', () => {
  it('is streamed like a connected one', async ({ open }) => {
    const { vehicle, client } = await open();
    await vehicle.send(driving, 1_000);
    const teslaMate = client();
    await teslaMate.connect();
    await teslaMate.waitFor(({ frames }) => frames.length === 1);
    await vehicle.send({ VehicleSpeed: 31 }, 2_000);
    await teslaMate.waitFor(({ frames }) => frames.length === 2);
    expect(teslaMate.messages.map(({ text }) => kindOf(text)).slice(0, 3)).toEqual([
      'control:hello',
      'data:update',
      'data:update',
    ]);
  });

  it('is streamed when it comes back after a disconnect without a connect', async ({ open }) => {
    const { vehicle, client } = await open();
    await vehicle.connect();
    await vehicle.send({ ...driving, Gear: 'P' }, 1_000);
    await vehicle.disconnect();
    await vehicle.send(driving, 2_000);
    const teslaMate = client();
    await teslaMate.connect();
    await teslaMate.waitFor(({ frames }) => frames.at(-1)?.shiftState === 'D');
    expect(teslaMate.count('vehicle_disconnected')).toBe(0);
  });
});

describe('a tag that is no known vehicle', () => {
  it('is warned about once, with the remedy', async ({ open, connect }) => {
    const { rig } = await open();
    for (const tag of [2001, '2001', 'my car', 'MYTESLA', VIN]) {
      const client = await connect(rig().wsUrl);
      client.send({ msg_type: 'data:subscribe_oauth', token: TOKEN, value: 'speed', tag });
      await eventually(() => client.messages.some((text) => text.includes('vehicle_disconnected')));
    }
    expect(eventsOf(rig(), 'unknown_tag')).toMatchObject([
      {
        tag: '2001',
        remedy: 'set TESLA_WSS_USE_VIN=true in TeslaMate, or VEHICLE_IDS=2001=<VIN> in fleetbridge',
      },
      { tag: 'my car', remedy: 'subscribe with the VIN as tag' },
      { tag: 'MYTESLA' },
    ]);
  });

  it('is not warned about if VEHICLE_IDS has it, or the vehicle has sent records', async ({ open, connect }) => {
    const { rig } = await open({ env: { VEHICLE_IDS: `2001=${VIN}` } });
    await rig().soc(50, { vin: 'SIM-1' });
    for (const tag of ['2001', 'sim-1']) {
      const client = await connect(rig().wsUrl);
      client.send({ msg_type: 'data:subscribe_oauth', token: TOKEN, value: 'speed', tag });
      await eventually(() => eventsOf(rig(), 'subscribed').some(({ vin }) => vin === 'SIM-1' || vin === VIN));
    }
    await eventually(() => eventsOf(rig(), 'subscribed').length === 2);
    expect(eventsOf(rig(), 'unknown_tag')).toEqual([]);
  });
});

describe('a stop of the server', () => {
  it('ends TCP without a close frame, in a quiet moment', async ({ open }) => {
    const { vehicle, client, rig } = await open({ pace: { quietMs: 20 } });
    await vehicle.connect();
    await vehicle.send(driving, 1_000);
    const teslaMate = client();
    await teslaMate.connect();
    await teslaMate.waitFor(({ frames }) => frames.length === 1);
    await rig().stop();
    await teslaMate.waitFor((one) => one.count('disconnected') === 1);
    expect(teslaMate.crashes).toEqual([]);
  });
});

function eventsOf(rig: Rig, event: string) {
  return rig.lines.filter((line) => line.event === event);
}

function kindOf(text: string): string {
  const { msg_type, error_type, value } = JSON.parse(text);
  return msg_type !== 'data:error' ? msg_type : error_type === 'vehicle_error' ? value : error_type;
}
