// Order and resume with a TeslaMate-like client: real sockets, a real Redis, servers in this process.
import { setTimeout as delay } from 'node:timers/promises';
import { Field } from '@fleetbridge/protocol';
import { TeslaMateClient, type TeslaMateFrame } from '@fleetbridge/simulator';
import { partitionKeys } from '@fleetbridge/store';
import { eventually } from '@fleetbridge/testing';
import { describe, expect, onTestFinished, vi } from 'vitest';
import { type Rig, type RigOptions, TOKEN, VIN } from './streaming-rig.js';
import { it as streamingTest, type TestSocket } from './streaming-test.js';
import type { TcpBalancer } from './tcp-balancer.js';
import { driving, VehicleLog } from './vehicle-log.js';

interface Setup {
  vehicle: VehicleLog;
  rig: Rig;
  balancer: TcpBalancer;
  /** Another server on the same log. */
  startOther: () => Promise<Rig>;
  client: (options?: ClientOptions) => TeslaMateClient;
  /** A client that can send anything. */
  connect: () => Promise<OwnerSocket>;
  slotCursors: () => Promise<string[]>;
  /** Resolves when a slot has confirmed this entry. */
  confirmed: (entry: string) => Promise<void>;
}

type ClientOptions = { url?: string; timeFactor?: number; token?: string };

const it = streamingTest.extend<{ open: (options?: Partial<RigOptions>) => Promise<Setup> }>({
  open: async ({ startRig, startBalancer, connect, redis, namespace, cleanup }, use) => {
    await use(async (options = {}) => {
      const start = () =>
        startRig({
          ...options,
          pace: { pingEveryMs: 10, idlePingEveryMs: 100, retryMs: 20, ...options.pace },
          slotTimes: { youngMs: 0, ...options.slotTimes },
        });
      const vehicle = new VehicleLog(redis, namespace, VIN);
      await vehicle.connect();
      const rig = await start();
      const balancer = await startBalancer([rig.port]);
      const slotCursors = async () => {
        const slots = await redis.hvals(partitionKeys(namespace, 0).slotsPrefix + VIN);
        return slots.map((slot) => slot.split(' ')[4]!);
      };
      return {
        vehicle,
        rig,
        balancer,
        startOther: start,
        client: (clientOptions = {}) => {
          const defaults = { url: balancer.url, token: TOKEN, tag: VIN, timeFactor: 0.05 };
          const client = new TeslaMateClient({ ...defaults, ...clientOptions });
          cleanup.push(() => client.stop());
          return client;
        },
        connect: async () => ownerSocket(await connect(`${balancer.url}/streaming/`)),
        slotCursors,
        confirmed: async (entry) => {
          await eventually(async () => (await slotCursors()).includes(entry));
        },
      };
    });
  },
});

describe('a client that was disconnected in a drive', () => {
  it('is sent what it missed, in order, with the original times, and then the live frames', async ({ open }) => {
    const { vehicle, rig, balancer, client, confirmed } = await open();
    const teslaMate = client();
    await drive(vehicle, [1, 2, 3]);
    await teslaMate.connect();
    await seen(teslaMate, [3]);
    await drive(vehicle, [4, 5]);
    await seen(teslaMate, [3, 4, 5]);
    await confirmed(vehicle.lastEntry);
    balancer.cut();
    await drive(vehicle, [6, 7, 8]);
    await teslaMate.waitFor((one) => one.count('connected') === 2);
    await drive(vehicle, [9]);
    await seen(teslaMate, [3, 4, 5, 6, 7, 8, 9]);
    expect(teslaMate.frames.map(({ speed }) => speed)).toEqual([3, 4, 5, 6, 7, 8, 9]);
    expect(rig.counts.replayedFrames).toBeGreaterThanOrEqual(3);
    expect(teslaMate.crashes).toEqual([]);
  });

  it('is resent what it had not confirmed, and nothing else', async ({ open }) => {
    const { vehicle, balancer, client, confirmed } = await open({
      pace: { pingEveryMs: 3_600_000, idlePingEveryMs: 3_600_000 },
    });
    const teslaMate = client();
    await drive(vehicle, [1]);
    await teslaMate.connect();
    await seen(teslaMate, [1]);
    // the first ping was sent with the first frame, and it is the only one
    await confirmed(vehicle.lastEntry);
    await drive(vehicle, [2, 3]);
    await seen(teslaMate, [1, 2, 3]);
    balancer.cut();
    await teslaMate.waitFor((one) => one.count('connected') === 2);
    await drive(vehicle, [4]);
    await seen(teslaMate, [1, 2, 3, 2, 3, 4]);
  });

  it('is sent nothing when it has confirmed everything, not even the present frame', async ({ open }) => {
    const { vehicle, balancer, client, confirmed } = await open();
    const teslaMate = client();
    await drive(vehicle, [1]);
    await teslaMate.connect();
    await seen(teslaMate, [1]);
    await confirmed(vehicle.lastEntry);
    balancer.cut();
    await teslaMate.waitFor((one) => one.count('connected') === 2);
    await teslaMate.waitFor(({ messages }) => messages.at(-1)!.text.includes('control:hello'));
    await drive(vehicle, [2]);
    await seen(teslaMate, [1, 2]);
  });

  it('resumes at another replica, which has the same frames', async ({ open }) => {
    const { vehicle, balancer, client, confirmed, startOther } = await open();
    const teslaMate = client();
    await drive(vehicle, [1, 2]);
    await teslaMate.connect();
    await seen(teslaMate, [2]);
    await drive(vehicle, [3]);
    await seen(teslaMate, [2, 3]);
    const other = await startOther();
    await drive(vehicle, [4, 5]);
    await seen(teslaMate, [2, 3, 4, 5]);
    await confirmed(vehicle.lastEntry);
    balancer.ports = [other.port];
    balancer.cut();
    await drive(vehicle, [6, 7]);
    await teslaMate.waitFor((one) => one.count('connected') === 2);
    await drive(vehicle, [8]);
    await seen(teslaMate, [2, 3, 4, 5, 6, 7, 8]);
    expect(other.counts.replayedFrames).toBeGreaterThanOrEqual(2);
  });

  it('resumes at a server that was started after the missed records, with every value', async ({ open }) => {
    const { vehicle, balancer, client, rig, confirmed, startOther } = await open();
    const teslaMate = client();
    await drive(vehicle, [1]);
    await teslaMate.connect();
    await seen(teslaMate, [1]);
    await confirmed(vehicle.lastEntry);
    balancer.ports = [];
    balancer.cut();
    await rig.stop();
    await drive(vehicle, [2, 3, 4]);
    const next = await startOther();
    balancer.ports = [next.port];
    await seen(teslaMate, [1, 2, 3, 4]);
    for (const frame of teslaMate.frames) {
      expect(frame).toMatchObject({ odometer: 12_345.678, soc: 72, estHeading: 271, power: 21, shiftState: 'D' });
    }
  });

  it('is sent no frame that differs in no column of its own, as without a reconnect', async ({ open }) => {
    const { vehicle, confirmed, connect } = await open();
    await drive(vehicle, [1]);
    const before = await connect();
    before.subscribe('soc');
    await eventually(() => before.times().length === 1);
    await confirmed(vehicle.lastEntry);
    before.socket.terminate();
    await drive(vehicle, [2, 3]);
    const after = await connect();
    after.subscribe('soc');
    await drive(vehicle, [4]);
    await vehicle.send({ Soc: 50 }, 5);
    await eventually(() => after.times().length > 0);
    expect(after.times()).toEqual([5]);
  });

  it('is replayed at a bounded rate', async ({ open }) => {
    const { vehicle, balancer, client, confirmed } = await open({ pace: { replayFramesPerSecond: 200 } });
    const teslaMate = client();
    await drive(vehicle, [1]);
    await teslaMate.connect();
    await seen(teslaMate, [1]);
    await confirmed(vehicle.lastEntry);
    balancer.cut();
    const missed = Array.from({ length: 60 }, (_, n) => n + 2);
    await drive(vehicle, missed);
    await teslaMate.waitFor(({ frames }) => frames.length === 61);
    const [first, last] = [teslaMate.messages.find(({ text }) => text.includes(',2,'))!, teslaMate.messages.at(-1)!];
    // ten per step, so five pauses of 50 ms between the first and the last
    expect(last.receivedMs - first.receivedMs).toBeGreaterThan(200);
    await seen(teslaMate, [1, ...missed]);
  });
});

describe('a drive that is over', () => {
  it('is not replayed: the vehicle is parked now', async ({ open }) => {
    const { vehicle, balancer, client, confirmed } = await open();
    const teslaMate = client();
    await drive(vehicle, [1]);
    await teslaMate.connect();
    await seen(teslaMate, [1]);
    await confirmed(vehicle.lastEntry);
    balancer.cut();
    await drive(vehicle, [2, 3]);
    await vehicle.send({ Gear: 'P', VehicleSpeed: 0 }, 4);
    await seen(teslaMate, [1, 4]);
    expect(teslaMate.frames.at(-1)).toMatchObject({ shiftState: 'P' });
  });

  it('is left out when the next one has begun; the beginning of that one is replayed', async ({ open }) => {
    const { vehicle, balancer, client, confirmed } = await open();
    const teslaMate = client();
    await drive(vehicle, [1]);
    await teslaMate.connect();
    await seen(teslaMate, [1]);
    await confirmed(vehicle.lastEntry);
    balancer.cut();
    await drive(vehicle, [2, 3]);
    await vehicle.send({ Gear: 'P', VehicleSpeed: 0 }, 4);
    await vehicle.send({ Gear: 'D' }, 5);
    await drive(vehicle, [6]);
    await seen(teslaMate, [1, 5, 6]);
  });

  it('is not over when the shift state is missing at speed', async ({ open }) => {
    const { vehicle, balancer, client, confirmed } = await open();
    const teslaMate = client();
    await drive(vehicle, [1]);
    await teslaMate.connect();
    await seen(teslaMate, [1]);
    await confirmed(vehicle.lastEntry);
    balancer.cut();
    await drive(vehicle, [2]);
    await vehicle.sendData([{ key: Field.Gear, value: { invalid: true } }], 3);
    await drive(vehicle, [4]);
    await vehicle.send({ Gear: 'D', VehicleSpeed: 5 }, 5);
    await seen(teslaMate, [1, 2, 3, 4, 5]);
  });
});

describe('a client that subscribes when the vehicle has just left P, as TeslaMate does after a sleep', () => {
  const isParked = ({ frames }: TeslaMateClient) => frames.at(-1)?.shiftState === 'P';

  it.for(['resumes', 'is new'])(
    'and %s: is sent P, and when it has begun its drive, all frames of it',
    async (kind, { open }) => {
      const { vehicle, client, connect, confirmed } = await open({ pace: { driveBeginsMs: 300 } });
      const teslaMate = client();
      await vehicle.send({ ...driving, Gear: 'P', VehicleSpeed: 0 }, 1);
      if (kind === 'resumes') {
        await teslaMate.connect();
        await teslaMate.waitFor(isParked);
        await teslaMate.unsubscribe();
      } else {
        // another client, with other columns
        (await connect()).subscribe('soc');
      }
      await confirmed(vehicle.lastEntry);
      await drive(vehicle, [2, 3, 4]);
      const seenBefore = teslaMate.frames.length;
      await teslaMate.connect();
      await teslaMate.waitFor(({ frames }) => frames.length > seenBefore);
      await drive(vehicle, [5]);
      expect(teslaMate.frames.slice(seenBefore).map(({ shiftState }) => shiftState)).toEqual(['P']);
      await drive(vehicle, [6]);
      await teslaMate.waitFor(({ frames }) => frames.at(-1)?.speed === 6);
      expect(teslaMate.frames.slice(seenBefore + 1).map(({ speed }) => speed)).toEqual([2, 3, 4, 5, 6]);
      await drive(vehicle, [7]);
      await teslaMate.waitFor(({ frames }) => frames.at(-1)?.speed === 7);
    },
  );

  it('is new because its position has expired: the same, up to a day later', async ({ open, redis, namespace }) => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    onTestFinished(() => void vi.useRealTimers());
    let aheadMs = 0;
    let nowAheadMs = 0;
    const { vehicle, client, rig } = await open({
      pace: { driveBeginsMs: 300 },
      now: () => Date.now() + nowAheadMs,
      monotonicNow: () => performance.now() + aheadMs,
    });
    const teslaMate = client();
    await vehicle.send({ ...driving, Gear: 'P', VehicleSpeed: 0 }, 1);
    await teslaMate.connect();
    await teslaMate.waitFor(isParked);
    // the server notes that the vehicle has a slot
    vi.advanceTimersByTime(1_000);
    await delay(100);
    await teslaMate.unsubscribe();
    await eventually(() => rig.feeds.of(VIN).subscribers === 0);
    const { slotVins, slotsPrefix } = partitionKeys(namespace, 0);
    await redis.del(slotVins, slotsPrefix + VIN);
    aheadMs = 23 * 3_600_000;
    vi.advanceTimersByTime(10_000);

    // its last frame with P is no longer kept, and it drives off without another one
    nowAheadMs = 23 * 3_600_000;
    rig.feeds.of(VIN).recentFrames();
    nowAheadMs = 0;
    await drive(vehicle, [3, 4]);
    await teslaMate.connect();
    await teslaMate.waitFor(({ frames }) => frames.at(-1)?.speed === 4);
    expect(teslaMate.frames.map(({ timeMs, shiftState }) => [timeMs, shiftState])).toEqual([
      [1, 'P'],
      [1, 'P'],
      [3, 'D'],
      [4, 'D'],
    ]);
  });

  it('is not sent a drive that has ended meanwhile', async ({ open }) => {
    const { vehicle, client } = await open({ pace: { driveBeginsMs: 300 } });
    const teslaMate = client();
    await vehicle.send({ ...driving, Gear: 'P', VehicleSpeed: 0 }, 1);
    await teslaMate.connect();
    await teslaMate.waitFor(isParked);
    await teslaMate.unsubscribe();
    await drive(vehicle, [2, 3]);
    await teslaMate.connect();
    await teslaMate.waitFor(({ frames }) => frames.length === 2);
    await vehicle.send({ Gear: 'P', VehicleSpeed: 0, Soc: 50 }, 4);
    await teslaMate.waitFor(({ frames }) => frames.length === 3);
    expect(teslaMate.frames.map(({ timeMs }) => timeMs)).toEqual([1, 1, 4]);
  });

  it('is new, and is sent the present frame of a drive that began a minute ago', async ({ open }) => {
    const { vehicle, client, connect, confirmed } = await open();
    await vehicle.send({ ...driving, Gear: 'P', VehicleSpeed: 0 }, 1);
    (await connect()).subscribe('soc');
    await confirmed(vehicle.lastEntry);
    await drive(vehicle, [2, 3, 70_000]);
    const teslaMate = client();
    await teslaMate.connect();
    await seen(teslaMate, [70_000]);
  });
});

describe('late records', () => {
  it('are sent if they are newer than the last frame, and the ring holds what was sent', async ({ open }) => {
    const { vehicle, balancer, client, confirmed } = await open();
    const teslaMate = client();
    await drive(vehicle, [10]);
    await teslaMate.connect();
    await seen(teslaMate, [10]);
    await confirmed(vehicle.lastEntry);
    balancer.cut();
    // a backlog with old times between new records
    await drive(vehicle, [20, 11, 21, 12, 19, 22, 5]);
    await teslaMate.waitFor((one) => one.count('connected') === 2);
    await drive(vehicle, [13, 23, 14]);
    await seen(teslaMate, [10, 20, 21, 22, 23]);
  });

  it('do not change the present frame', async ({ open }) => {
    const { vehicle, client } = await open();
    await drive(vehicle, [10, 5]);
    const teslaMate = client();
    await teslaMate.connect();
    await seen(teslaMate, [10]);
    expect(teslaMate.frames[0]).toMatchObject({ speed: 10 });
  });
});

describe('two clients with one token', () => {
  it('each resume at their own position, while one is half-open and one unsubscribes in mid-drive', async ({
    open,
    startBalancer,
  }) => {
    const { vehicle, rig, client, slotCursors } = await open({
      slotTimes: { noPongMs: 1_000, youngMs: 150, deadProcessMs: 300 },
      pace: { pingEveryMs: 20, idlePingEveryMs: 50 },
    });
    const [lineOfA, lineOfB] = [await startBalancer([rig.port]), await startBalancer([rig.port])];
    const a = client({ url: lineOfA.url, timeFactor: 0.75 });
    const b = client({ url: lineOfB.url });
    await drive(vehicle, [1]);
    await a.connect();
    await seen(a, [1]);
    await b.connect();
    await seen(b, [1]);
    await drive(vehicle, [2]);
    await seen(a, [1, 2]);
    await seen(b, [1, 2]);
    await eventually(async () => (await slotCursors()).every((cursor) => cursor === vehicle.lastEntry));
    expect(await slotCursors()).toHaveLength(2);

    // A's connection breaks, which the server does not notice. A reconnects after its 2 s (here 1.5).
    lineOfA.freeze();
    await drive(vehicle, [3, 4]);
    await seen(b, [1, 2, 3, 4]);
    await eventually(async () => (await slotCursors()).includes(vehicle.lastEntry));
    // B unsubscribes and reconnects before A does
    await b.unsubscribe();
    await drive(vehicle, [5]);
    await b.connect();
    await seen(b, [1, 2, 3, 4, 5]);
    await drive(vehicle, [6]);
    await seen(a, [1, 2, 3, 4, 5, 6]);
    await seen(b, [1, 2, 3, 4, 5, 6]);
    expect(a.count('connected')).toBe(2);
    expect(await slotCursors()).toHaveLength(2);
  });

  it('both receive everything, each on its own connection', async ({ open }) => {
    const { vehicle, client } = await open();
    const clients = [client(), client(), client()];
    await drive(vehicle, [1]);
    for (const one of clients) await one.connect();
    for (const one of clients) await seen(one, [1]);
    await drive(vehicle, [2, 3, 4]);
    for (const one of clients) await seen(one, [1, 2, 3, 4]);
  });
});

describe('a connection', () => {
  it('remembers what it was sent for a bounded number of subscriptions', async ({ open }) => {
    const { vehicle, connect } = await open({ pace: { pingEveryMs: 3_600_000 } });
    const client = await connect();
    await drive(vehicle, [1]);
    const subscribe = async (columns: string) => {
      const hellos = () => client.messages.filter((text) => text.includes('control:hello')).length;
      const count = hellos();
      client.subscribe(columns);
      await eventually(() => hellos() > count);
    };
    // at most the first frame of a subscription is confirmed: of the next one only the connection knows
    await subscribe('speed');
    await eventually(() => client.times().length === 1);
    await subscribe('speed,soc');
    await eventually(() => client.times().length === 2);
    await subscribe('speed');
    await drive(vehicle, [2]);
    await eventually(() => client.times().length === 3);
    expect(client.times()).toEqual([1, 1, 2]);
    for (let n = 1; n <= 32; n++) {
      const count = client.times().length;
      await subscribe(`speed,unknown-${n}`);
      await eventually(() => client.times().length > count);
    }
    const count = client.times().length;
    await subscribe('speed');
    // forgotten, so repeated
    await eventually(() => client.times().slice(count).includes(2));
  });
});

describe('data:unsubscribe', () => {
  it('on a connection that stays open keeps the position, and no record is sent twice on it', async ({ open }) => {
    const { vehicle, connect } = await open({ pace: { pingEveryMs: 3_600_000 } });
    const raw = await connect();
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

/** One record per time, with the time as its speed. The first record has all signals. */
async function drive(vehicle: VehicleLog, times: number[]): Promise<void> {
  for (const time of times) {
    const isFirst = !vehicle.hasDriven;
    vehicle.hasDriven = true;
    await vehicle.send(isFirst ? { ...driving, VehicleSpeed: time } : { VehicleSpeed: time }, time);
  }
}

/** Waits for as many frames, and expects exactly these times. */
async function seen(client: TeslaMateClient, times: number[]): Promise<void> {
  const seenTimes = () => client.frames.map(({ timeMs }: TeslaMateFrame) => timeMs);
  await eventually(() => client.frames.length >= times.length).catch(() => {});
  expect(seenTimes()).toEqual(times);
}

type OwnerSocket = ReturnType<typeof ownerSocket>;

function ownerSocket(client: TestSocket) {
  return {
    ...client,
    subscribe: (columns = 'speed,shift_state') =>
      client.send({ msg_type: 'data:subscribe_oauth', token: TOKEN, value: columns, tag: VIN }),
    times: () =>
      client.messages.flatMap((text) => {
        const { msg_type, value } = JSON.parse(text);
        return msg_type === 'data:update' ? [Number(value.split(',')[0])] : [];
      }),
  };
}
