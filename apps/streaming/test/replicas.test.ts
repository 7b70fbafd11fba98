// Two replicas behind a balancer that knows nothing of them, and many clients: each hears what the log says.
import { decodeRecord } from '@fleetbridge/protocol';
import { TeslaMateClient } from '@fleetbridge/simulator';
import { connectRedis, LogPages, partitionKeys, type RedisConnection, Store, whenReady } from '@fleetbridge/store';
import { type DisposableRedis, eventually, startRedis } from '@fleetbridge/testing';
import { cleanupAfterEach } from '@fleetbridge/testing/cleanup';
import { defaultColumns, emptyState, formatFrame } from '@fleetbridge/vehicle-state';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { trackFromState } from '../src/frames/frame-builder.js';
import { startReplica, startWay, TOKEN } from './replica.js';
import { createStreamingLives } from './streaming-lives.js';
import { driving, VehicleLog } from './vehicle-log.js';

const long = process.env.TEST_LONG ? it : it.skip;
if (!process.env.TEST_LONG) console.log('2,000 clients of 200 vehicles take minutes: npm run test:long');

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

describe('two replicas', () => {
  it('give each of ten clients a vehicle the very sequence of the log, also after all have gone round', async () => {
    const namespace = `replicas-${namespaces++}`;
    const options = { url: redisServer.url, namespace, pace: { pingEveryMs: 50 } };
    const replicas = [await startReplica(options), await startReplica(options)];
    for (const replica of replicas) cleanUp.push(() => replica.stop());
    const way = await startWay(replicas.map(({ port }) => port));
    cleanUp.push(way.stop);
    const { vehicles, clients, record } = await many({ namespace, url: way.url, vins: 5 });
    await record(20);
    await allHave(namespace, vehicles, clients);
    await allConfirmed(namespace, vehicles);
    // each comes back to the other one, or not
    way.ports = [...way.ports.reverse(), way.ports[0]!];
    way.cut();
    await record(5);
    await Promise.all(clients.map((one) => one.waitFor((client) => client.count('connected') === 2)));
    await record(20);
    await allHave(namespace, vehicles, clients);
    for (const client of clients) expect(client.crashes).toEqual([]);
  });

  long(
    'give each of 2,000 clients of 200 vehicles the very sequence of the log',
    async () => {
      const namespace = `replicas-${namespaces++}`;
      const lives = [
        await createStreamingLives({ redisUrl: redisServer.url, namespace }),
        await createStreamingLives({ redisUrl: redisServer.url, namespace }),
      ];
      for (const life of lives) {
        cleanUp.push(() => life.end('SIGKILL'));
        await life.start();
      }
      const way = await startWay(lives.map(({ port }) => port));
      cleanUp.push(way.stop);
      const { vehicles, clients, record } = await many({ namespace, url: way.url, vins: 200 });
      await record(60);
      await allHave(namespace, vehicles, clients, 120_000);
      console.log(
        `${clients.length} clients had ${clients.reduce((sum, { frames }) => sum + frames.length, 0)} frames`,
      );
    },
    600_000,
  );
});

/** Ten clients a vehicle, all connected. */
async function many({ namespace, url, vins }: { namespace: string; url: string; vins: number }) {
  const vehicles = Array.from(
    { length: vins },
    (_, n) => new VehicleLog(redis, namespace, `5YJ3E1EA7KF${String(n + 1).padStart(6, '0')}`),
  );
  let timeMs = 1_000;
  for (const vehicle of vehicles) {
    await vehicle.connect();
    await vehicle.send(driving, timeMs);
  }
  const clients: TeslaMateClient[] = [];
  for (const { vin } of vehicles) {
    const ofVin = Array.from({ length: 10 }, () => new TeslaMateClient({ url, token: TOKEN, tag: vin, timeFactor: 1 }));
    for (const client of ofVin) cleanUp.push(() => client.stop());
    await Promise.all(ofVin.map((client) => client.connect()));
    clients.push(...ofVin);
  }
  await Promise.all(clients.map((client) => client.waitFor(({ frames }) => frames.length === 1, 60_000)));
  return {
    vehicles,
    clients,
    /** So many records a vehicle, every fourth of them late. */
    record: async (count: number) => {
      for (let n = 0; n < count; n++) {
        timeMs += 500;
        const time = n % 4 === 3 ? timeMs - 750 : timeMs;
        await Promise.all(vehicles.map((vehicle, v) => vehicle.send({ VehicleSpeed: (n * 7 + v) % 90 }, time)));
      }
    },
  };
}

async function allHave(namespace: string, vehicles: VehicleLog[], clients: TeslaMateClient[], limitMs = 15_000) {
  const expected = await framesOfLog(namespace);
  for (const { vin } of vehicles) {
    const values = expected.get(vin)!;
    const ofVin = clients.filter((client) => client.messages.some(({ text }) => text.includes(vin)));
    expect(ofVin).toHaveLength(10);
    for (const client of ofVin) {
      await eventually(() => valuesOf(client).length >= values.length, limitMs).catch(() => {});
      expect(valuesOf(client)).toEqual(values);
    }
  }
}

/** By one reader, from the first entry. */
async function framesOfLog(namespace: string): Promise<Map<string, string[]>> {
  const pages = new LogPages(new Store({ redis, url: redisServer.url, namespace, partitions: 1 }));
  const tracks = new Map<string, { track: ReturnType<typeof trackFromState>; values: string[] }>();
  let after = '0-0';
  for (;;) {
    const entries = await pages.after(0, after, 1_000);
    for (const entry of entries) {
      const of = tracks.get(entry.vin) ?? { track: trackFromState(emptyState(), '0-0', 900_000), values: [] };
      tracks.set(entry.vin, of);
      const frame = of.track.record(entry, decodeRecord(entry.topic, entry.payload)!);
      if (frame) of.values.push(formatFrame(frame, defaultColumns));
      after = entry.id;
    }
    if (entries.length === 0) break;
  }
  return new Map([...tracks].map(([vin, { values }]) => [vin, values]));
}

function valuesOf(client: TeslaMateClient): string[] {
  return client.messages.flatMap(({ text }) => {
    const { msg_type, value } = JSON.parse(text);
    return msg_type === 'data:update' ? [value as string] : [];
  });
}

async function allConfirmed(namespace: string, vehicles: VehicleLog[]): Promise<void> {
  const { slotsPrefix } = partitionKeys(namespace, 0);
  for (const { vin } of vehicles) {
    await eventually(async () => {
      const cursors = (await redis.hvals(slotsPrefix + vin)).map((slot) => slot.split(' ')[4]);
      return cursors.length === 10 && new Set(cursors).size === 1;
    });
  }
}
