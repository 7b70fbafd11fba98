// A drive in compressed time through the deployed form of the server, to a client that behaves as TeslaMate does: it
// arrives complete and in order, whatever breaks on the way.
import { setTimeout as delay } from 'node:timers/promises';
import { isAfter } from '@fleetbridge/protocol';
import {
  createVehicleModel,
  stepVehicleModel,
  TeslaMateClient,
  type TeslaMateFrame,
  WINDOW_MS,
} from '@fleetbridge/simulator';
import { partitionKeys } from '@fleetbridge/store';
import type { RedisTestContext } from '@fleetbridge/store/testing';
import { eventually, startTcpRelay, type TcpRelay } from '@fleetbridge/testing';
import { describe, expect } from 'vitest';
import type { StreamingProcess } from './streaming-process.js';
import { TOKEN, VIN } from './streaming-rig.js';
import { it as streamingTest } from './streaming-test.js';
import { type ExpectedFrame, FrameOracle, VehicleLog } from './vehicle-log.js';

type DriveRig = Awaited<ReturnType<typeof createDriveRig>>;

const it = streamingTest.extend<{ open: () => Promise<DriveRig> }>({
  open: async ({ createProcess, redisServer, redis, namespace, cleanup }, use) => {
    await use(async () => {
      const server = createProcess();
      await server.start();
      const relay = await startTcpRelay(server.port);
      cleanup.push(() => relay.stop());
      const rig = createDriveRig({ server, relay, redisServer, redis, namespace });
      cleanup.push(() => rig.client.stop());
      return rig;
    });
  },
});

const long = process.env.TEST_LONG ? it : it.skip;
if (!process.env.TEST_LONG) console.log('the 20-minute drive under kills and cuts takes a minute: npm run test:long');

describe('a drive of 20 minutes', () => {
  it('arrives complete: every position once, in order, with the right values', async ({ open }) => {
    const rig = await open();
    const expected = await rig.drive({ minutes: 20, recordsPerSecond: 1_000 });
    await rig.arrived(expected);
    expect(rig.client.frames.map(asExpected)).toEqual(expected);
    expect(positions(expected).length).toBeGreaterThan(1_000);
    expect(rig.client.crashes).toEqual([]);
    expect(rig.client.count('connected')).toBe(1);
  });

  it('arrives complete although streaming is killed and connections are cut', async ({ open }) => {
    await survives(open, {
      minutes: 5,
      // at the first cut the beginning of the drive is confirmed
      recordsPerSecond: 80,
      breaks: [
        [0.2, 'cut'],
        [0.35, 'kill'],
        [0.7, 'cut'],
      ],
    });
  }, 60_000);

  long(
    'arrives complete although streaming is killed twice, Redis restarted once and the connection cut ten times',
    async ({ open }) => {
      await survives(open, {
        minutes: 20,
        recordsPerSecond: 50,
        breaks: [
          [0.05, 'cut'],
          [0.1, 'cut'],
          [0.16, 'kill'],
          [0.28, 'cut'],
          [0.34, 'cut'],
          [0.4, 'cut'],
          [0.45, 'restart redis'],
          [0.52, 'cut'],
          [0.57, 'cut'],
          [0.62, 'kill'],
          [0.74, 'cut'],
          [0.8, 'cut'],
          [0.86, 'cut'],
        ],
      });
    },
    240_000,
  );
});

type Break = 'cut' | 'kill' | 'restart redis';

async function survives(
  open: () => Promise<DriveRig>,
  plan: { minutes: number; recordsPerSecond: number; breaks: [number, Break][] },
) {
  const rig = await open();
  const unconfirmed = new Set<number>();
  let breaking = Promise.resolve();
  const waiting = [...plan.breaks];
  const expected = await rig.drive({
    ...plan,
    onProgress: async (share) => {
      // the drive must not end before the client has reconnected: a parked vehicle is not replayed
      if (share > 0.9) await breaking;
      if (waiting[0] === undefined || share < waiting[0][0]) return;
      const [, what] = waiting.shift()!;
      breaking = breaking.then(async () => {
        for (const timeMs of await rig.break(what)) unconfirmed.add(timeMs);
      });
    },
  });
  await breaking;
  await rig.arrived(expected);
  expect(waiting).toEqual([]);

  const { client, byConnection } = rig;
  expect(client.crashes).toEqual([]);
  // on one connection: in order, without repeats
  for (const frames of byConnection) {
    for (let n = 1; n < frames.length; n++) expect(frames[n]!.timeMs).toBeGreaterThan(frames[n - 1]!.timeMs);
  }
  // in total: every position with its values, and no confirmed frame was repeated
  const seen = new Map<number, ExpectedFrame>();
  const repeats: number[] = [];
  for (const frame of positions(client.frames.map(asExpected))) {
    if (seen.has(frame.timeMs)) {
      repeats.push(frame.timeMs);
      expect(frame).toEqual(seen.get(frame.timeMs));
    }
    seen.set(frame.timeMs, frame);
  }
  expect([...seen.values()].sort((a, b) => a.timeMs - b.timeMs)).toEqual(positions(expected));
  expect(repeats.filter((timeMs) => !unconfirmed.has(timeMs))).toEqual([]);
  console.log(
    `${seen.size} positions over ${byConnection.length} connections; ${repeats.length} repeats, of ${unconfirmed.size} unconfirmed at ${plan.breaks.length} breaks`,
  );
}

interface DriveContext extends Pick<RedisTestContext, 'redisServer' | 'redis' | 'namespace'> {
  server: StreamingProcess;
  relay: TcpRelay;
}

function createDriveRig({ server, relay, redisServer, redis, namespace }: DriveContext) {
  const vehicle = new VehicleLog(redis, namespace, VIN);
  const byConnection: TeslaMateFrame[][] = [];
  const entryOf = new Map<number, string>();
  const client = new TeslaMateClient({
    url: `ws://127.0.0.1:${relay.port}`,
    token: TOKEN,
    tag: VIN,
    // it reconnects after 0.4 s and more and times out after 6 s
    timeFactor: 0.2,
    onFrame: (frame) => {
      const n = client.count('connected') - 1;
      byConnection[n] ??= [];
      byConnection[n].push(frame);
    },
  });

  const slots = async () => {
    const stored = await redis.hvals(partitionKeys(namespace, 0).slotsPrefix + VIN);
    return stored.map((slot) => slot.split(' ') as [string, string, string, string, string]);
  };
  /** Frames that the client has received and not confirmed. */
  const unconfirmed = async (): Promise<number[]> => {
    const all = await slots();
    expect(all).toHaveLength(1);
    const cursor = all[0]![4];
    return client.frames.map(({ timeMs }) => timeMs).filter((timeMs) => isAfter(entryOf.get(timeMs)!, cursor));
  };

  return {
    client,
    byConnection,
    break: async (what: Break): Promise<number[]> => {
      const connections = client.count('connected');
      let lost: number[] = [];
      if (what === 'cut') {
        relay.cut();
        await eventually(async () => (await slots())[0]?.[1] === '-');
        lost = await unconfirmed();
      } else if (what === 'kill') {
        await server.end('SIGKILL');
        await client.waitFor((one) => !one.isConnected);
        lost = await unconfirmed();
        await server.start();
      } else {
        await redisServer.kill();
        await redisServer.start();
        return [];
      }
      await client.waitFor((one) => one.count('connected') > connections, 30_000);
      const frames = client.frames.length;
      await client.waitFor((one) => one.frames.length > frames, 30_000);
      return lost;
    },
    /** Parked, a drive, parked, with the client connected from the beginning. Returns the frames of the records. */
    drive: async (plan: {
      minutes: number;
      recordsPerSecond: number;
      onProgress?: (share: number) => Promise<void>;
    }) => {
      const oracle = new FrameOracle();
      const model = createVehicleModel({
        seed: 7,
        startMs: Date.now() - 6 * 3_600_000,
        plan: [
          { phase: 'park', seconds: 5 },
          { phase: 'drive', seconds: plan.minutes * 60 },
          { phase: 'park', seconds: 600 },
        ],
      });
      await vehicle.connect();
      const endMs = model.timeMs + (plan.minutes * 60 + 30) * 1_000;
      const startedMs = Date.now();
      let written = 0;
      while (model.timeMs < endMs) {
        const step = stepVehicleModel(model, WINDOW_MS);
        if (step.signals.length === 0) continue;
        oracle.add(step.signals, step.timeMs);
        entryOf.set(step.timeMs, await vehicle.sendData(step.signals, step.timeMs));
        if (written++ === 0) {
          await client.connect();
          await client.waitFor(({ frames }) => frames.length === 1);
        }
        await plan.onProgress?.(1 - (endMs - model.timeMs) / (plan.minutes * 60_000));
        const aheadMs = (written * 1_000) / plan.recordsPerSecond - (Date.now() - startedMs);
        if (aheadMs > 5) await delay(aheadMs);
      }
      return oracle.frames;
    },
    arrived: (expected: ExpectedFrame[]) =>
      client.waitFor(({ frames }) => frames.at(-1)?.timeMs === expected.at(-1)!.timeMs, 30_000),
  };
}

function asExpected(frame: TeslaMateFrame): ExpectedFrame {
  const { timeMs, speed, odometer, soc, heading, estLat, estLng, power, shiftState, range, estRange } = frame;
  return {
    timeMs,
    speed,
    odometer,
    soc,
    heading,
    lat: estLat!,
    lng: estLng!,
    power,
    shift: shiftState,
    range,
    estRange,
  };
}

function positions(frames: ExpectedFrame[]): ExpectedFrame[] {
  return frames.filter(({ shift }) => shift !== null && 'DNR'.includes(shift));
}
