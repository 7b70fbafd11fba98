// The feed against a real Redis: how far it has read, and what a read shows.
import { encodeMessage, Field, timestampOf } from '@fleetbridge/protocol';
import { createLogger } from '@fleetbridge/service';
import { LogPages, SnapshotStore, type Store } from '@fleetbridge/store';
import { it as redisIt } from '@fleetbridge/store/testing';
import { readingsToHash } from '@fleetbridge/vehicle-state';
import { describe, expect } from 'vitest';
import { LiveVehicles } from './live-vehicles.js';
import { LogFeed } from './log-feed.js';

const VIN = '5YJ3E1EA7KF000001';

const it = redisIt.extend<{ open: () => Promise<ReturnType<typeof createFeed>> }>({
  open: async ({ store, cleanup }, use) => {
    await use(async () => {
      const opened = createFeed(store);
      cleanup.push(() => opened.feed.stop());
      await opened.feed.start();
      return opened;
    });
  },
});

describe('a read', () => {
  it('has every entry that the log had at the time of the request', async ({ open, store }) => {
    const { live } = await open();
    for (let soc = 1; soc <= 100; soc++) {
      await append(store, { Soc: soc }, soc);
      expect((await live.read(VIN)).state.readings.get('Soc')?.value).toBe(soc);
    }
  });

  it('is the snapshot with the entries after its cursor', async ({ open, store }) => {
    const first = await append(store, { Soc: 1, Odometer: 5 }, 1);
    const { live: before } = await open();
    const { state } = await before.read(VIN);
    const keys = store.keysOf(VIN);
    await store.redis.hset(keys.snapshotPrefix + VIN, readingsToHash(state, ['Soc', 'Odometer']));
    await store.redis.set(keys.snapshotCursor, first);
    await store.redis.xdel(keys.records, first);
    await append(store, { Soc: 2 }, 2);
    const { live } = await open();
    const values = [...(await live.read(VIN)).state.readings].map(([name, { value }]) => [name, value]);
    expect(Object.fromEntries(values)).toEqual({ Soc: 2, Odometer: 5 });
    expect(live.vins).toEqual([VIN]);
  });

  it('of a vehicle without records is unknown', async ({ open }) => {
    const { live } = await open();
    expect((await live.read(VIN)).isUnknown).toBe(true);
    expect(live.vins).toEqual([]);
  });

  it('fails while Redis is away, and works after it', async ({ open, store, redisServer }) => {
    const { live } = await open();
    await append(store, { Soc: 1 }, 1);
    await redisServer.kill();
    await expect(live.read(VIN)).rejects.toThrow();
    await redisServer.start();
    await expect.poll(async () => (await live.read(VIN).catch(() => undefined))?.isUnknown).toBe(false);
  });
});

it('reads on behind an entry that can not be decoded or processed', async ({ open, store }) => {
  const { feed, counts, failOn } = await open();
  await store.redis.xadd(store.keys(0).records, '*', 'vin', VIN, 'topic', 'V', 'payload', Buffer.from([0xff]));
  failOn.add(await append(store, { Soc: 1 }, 1));
  const last = await append(store, { Soc: 2 }, 2);
  await feed.readToEnd(0);
  expect(feed.cursor(0)).toBe(last);
  expect(counts).toMatchObject({ records: 3, undecodable: 1 });
});

function createFeed(store: Store) {
  const counts = { records: 0, undecodable: 0, skippedEntries: 0, gaps: 0 };
  const failOn = new Set<string>();
  const snapshots = new SnapshotStore(store);
  const feed: LogFeed = new LogFeed({
    store,
    snapshots,
    name: 'test',
    counts,
    log: createLogger({ name: 'test', level: 'silent' }),
    onEntry: (entry, decoded) => {
      if (failOn.has(entry.id)) throw new Error('can not be processed');
      live.record(entry, decoded);
    },
    onReadable: () => {},
  });
  const live = new LiveVehicles({ store, snapshots, pages: new LogPages(store), feed });
  return { feed, live, counts, failOn };
}

async function append(
  store: Store,
  signals: Partial<Record<keyof typeof Field, number>>,
  atMs: number,
): Promise<string> {
  const data = Object.entries(signals).map(([name, value]) => ({
    key: Field[name as keyof typeof Field],
    value: { doubleValue: value },
  }));
  const payload = encodeMessage('V', { vin: VIN, createdAt: timestampOf(atMs), data });
  const fields = { vin: VIN, topic: 'V', txid: '', created: atMs, received: atMs, version: '' };
  return (await store.redis.xadd(
    store.keysOf(VIN).records,
    '*',
    ...Object.entries(fields).flat(),
    'payload',
    payload,
  ))!;
}
