// Two replicas behind a plain TCP balancer, and many clients: each receives the sequence of the log.
import { decodeRecord } from '@fleetbridge/protocol';
import { TeslaMateClient } from '@fleetbridge/simulator';
import { LogPages, partitionKeys, Store } from '@fleetbridge/store';
import type { RedisTestContext } from '@fleetbridge/store/testing';
import { eventually } from '@fleetbridge/testing';
import { defaultColumns, emptyState, formatFrame } from '@fleetbridge/vehicle-state';
import { describe, expect } from 'vitest';
import { builderFromState } from '../src/frames/frame-builder.js';
import { TOKEN } from './streaming-rig.js';
import { it } from './streaming-test.js';
import { driving, VehicleLog } from './vehicle-log.js';

const long = process.env.TEST_LONG ? it : it.skip;
if (!process.env.TEST_LONG) console.log('2,000 clients of 200 vehicles take minutes: npm run test:long');

describe('two replicas', () => {
  it('send each of ten clients per vehicle the sequence of the log, also after all have reconnected', async ({
    startRig,
    startBalancer,
    redis,
    namespace,
    cleanup,
  }) => {
    const replicas = [await startRig({ pace: { pingEveryMs: 50 } }), await startRig({ pace: { pingEveryMs: 50 } })];
    const balancer = await startBalancer(replicas.map(({ port }) => port));
    const context = { redis, namespace, cleanup };
    const { vehicles, clients, record } = await many(context, { url: balancer.url, vins: 5 });
    await record(20);
    await allHave(context, vehicles, clients);
    await allConfirmed(context, vehicles);
    // each reconnects to the other replica or to the same one
    balancer.ports = [...balancer.ports.reverse(), balancer.ports[0]!];
    balancer.cut();
    await record(5);
    await Promise.all(clients.map((one) => one.waitFor((client) => client.count('connected') === 2)));
    await record(20);
    await allHave(context, vehicles, clients);
    for (const client of clients) expect(client.crashes).toEqual([]);
  });

  long(
    'send each of 2,000 clients of 200 vehicles the sequence of the log',
    async ({ createProcess, startBalancer, redis, namespace, cleanup }) => {
      const servers = [createProcess(), createProcess()];
      for (const server of servers) await server.start();
      const balancer = await startBalancer(servers.map(({ port }) => port));
      const context = { redis, namespace, cleanup };
      const { vehicles, clients, record } = await many(context, { url: balancer.url, vins: 200 });
      await record(60);
      await allHave(context, vehicles, clients, 120_000);
      console.log(
        `${clients.length} clients received ${clients.reduce((sum, { frames }) => sum + frames.length, 0)} frames`,
      );
    },
    600_000,
  );
});

type Context = Pick<RedisTestContext, 'redis' | 'namespace' | 'cleanup'>;

/** Ten clients per vehicle, all connected. */
async function many({ redis, namespace, cleanup }: Context, { url, vins }: { url: string; vins: number }) {
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
    for (const client of ofVin) cleanup.push(() => client.stop());
    await Promise.all(ofVin.map((client) => client.connect()));
    clients.push(...ofVin);
  }
  await Promise.all(clients.map((client) => client.waitFor(({ frames }) => frames.length === 1, 60_000)));
  return {
    vehicles,
    clients,
    /** Sends this number of records per vehicle, every fourth of them late. */
    record: async (count: number) => {
      for (let n = 0; n < count; n++) {
        timeMs += 500;
        const time = n % 4 === 3 ? timeMs - 750 : timeMs;
        await Promise.all(vehicles.map((vehicle, v) => vehicle.send({ VehicleSpeed: (n * 7 + v) % 90 }, time)));
      }
    },
  };
}

async function allHave(context: Context, vehicles: VehicleLog[], clients: TeslaMateClient[], limitMs = 15_000) {
  const expected = await framesOfLog(context);
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

/** The frames that one reader makes from the first entry on. */
async function framesOfLog({ redis, namespace }: Context): Promise<Map<string, string[]>> {
  const pages = new LogPages(new Store({ redis, url: '', namespace, partitions: 1 }));
  const tracks = new Map<string, { track: ReturnType<typeof builderFromState>; values: string[] }>();
  let after = '0-0';
  for (;;) {
    const entries = await pages.after(0, after, 1_000);
    for (const entry of entries) {
      const of = tracks.get(entry.vin) ?? { track: builderFromState(emptyState(), '0-0', 900_000), values: [] };
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

async function allConfirmed({ redis, namespace }: Context, vehicles: VehicleLog[]): Promise<void> {
  const { slotsPrefix } = partitionKeys(namespace, 0);
  for (const { vin } of vehicles) {
    await eventually(async () => {
      const cursors = (await redis.hvals(slotsPrefix + vin)).map((slot) => slot.split(' ')[4]);
      return cursors.length === 10 && new Set(cursors).size === 1;
    });
  }
}
