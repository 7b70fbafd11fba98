import {
  BEGINNING,
  decodeRecord,
  encodeMessage,
  Field,
  ShiftState,
  timestampOf,
  type VehicleData,
} from '@fleetbridge/protocol';
import { createLogger } from '@fleetbridge/service';
import {
  connectRedis,
  forgetVehicle,
  partitionKeys,
  type RedisConnection,
  SnapshotStore,
  Store,
  whenReady,
} from '@fleetbridge/store';
import { it, type RedisTestContext } from '@fleetbridge/store/testing';
import { eventually, startRedis, wallClock } from '@fleetbridge/testing';
import { correctedValue, emptyState, mergeRecord, stateFromHash, type VehicleState } from '@fleetbridge/vehicle-state';
import { describe, expect } from 'vitest';
import { SnapshotKeeper, type SnapshotKeeperOptions } from './snapshot-keeper.js';

const VIN = '5YJ3E1EA7KF000001';
const OTHER_VIN = '5YJ3E1EA7KF000002';
const log = createLogger({ name: 'test', level: 'silent' });

describe('SnapshotKeeper', () => {
  it('writes the merged log, with the cursor of its last entry', async ({ redisServer, redis, namespace, cleanup }) => {
    const { add, start, store, recomputed } = newLog({ redisServer, redis, namespace, cleanup });
    await add({ Soc: 70, Gear: 'D' }, 1_000);
    await start();
    const last = await add({ Soc: 71 }, 2_000);
    await eventually(async () => (await store.cursor(0)) === last);
    expect(stateFromHash((await store.read(VIN)).hash).state).toEqual(await recomputed());
    expect(await store.vins()).toEqual([VIN]);
  });

  it('merges a record of a vehicle whose state a commit could evict while other states are read', async ({
    redisServer,
    redis,
    namespace,
    cleanup,
  }) => {
    const { add, counts, records, socFields, start, store } = newLog({ redisServer, redis, namespace, cleanup });
    const { hgetall } = redis;
    cleanup.push(() => Object.assign(redis, { hgetall }));
    let finishRead = () => {};
    const reading = new Promise<void>((resolve) => {
      finishRead = resolve;
    });
    Object.assign(redis, {
      hgetall: async (key: string) => {
        if (key.endsWith(OTHER_VIN)) await reading;
        return hgetall.call(redis, key);
      },
    });
    await start({ maxCachedStates: 0 });
    await add({ Soc: 70 }, 1_000);
    await eventually(() => counts.commits === 1);
    await add({ Soc: 71 }, 2_000);
    // both in one read of the tail, before the commit of the record above
    await redis
      .multi()
      .xadd(records, '*', ...socFields(72, 3_000))
      .xadd(records, '*', ...socFields(50, 3_000, OTHER_VIN))
      .exec();
    await eventually(() => counts.commits === 2);
    finishRead();
    await eventually(() => counts.commits === 3);
    expect(stateFromHash((await store.read(VIN)).hash).state.readings.get('Soc')?.value).toBe(72);
    expect(stateFromHash((await store.read(OTHER_VIN)).hash).state.readings.get('Soc')?.value).toBe(50);
  });

  it('does not let a late record move a signal back', async ({ redisServer, redis, namespace, cleanup }) => {
    const { add, start, store, recomputed } = newLog({ redisServer, redis, namespace, cleanup });
    await start();
    await add({ Soc: 71 }, 2_000);
    const last = await add({ Soc: 70, Gear: 'P' }, 1_000);
    await eventually(async () => (await store.cursor(0)) === last);
    const { state } = stateFromHash((await store.read(VIN)).hash);
    expect(state.readings.get('Soc')?.value).toBe(71);
    expect(state).toEqual(await recomputed());
  });

  it('logs once that a vehicle sends its odometer in another unit, and stores how it knows', async ({
    redisServer,
    redis,
    namespace,
    cleanup,
  }) => {
    const { add, start, store, recomputed } = newLog({ redisServer, redis, namespace, cleanup });
    const lines: Record<string, unknown>[] = [];
    const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
    await start({ log: createLogger({ name: 'test', level: 'warn', destination }) });
    await add({ Odometer: 18947.1 }, 1_000);
    const changedAt = await add({ Odometer: 30492.6 }, 11_000);
    await add({ Odometer: 30493.9 }, 21_000);
    const last = await add({ Odometer: 30495 }, 31_000);
    await eventually(async () => (await store.cursor(0)) === last);
    expect(lines).toMatchObject([{ event: 'odometer_unit_changed', vin: VIN, entry: changedAt, from: 'mi', to: 'km' }]);
    const { state } = stateFromHash((await store.read(VIN)).hash);
    expect(state).toEqual(await recomputed());
    expect(correctedValue(state, 'Odometer')).toBe(18949);
  });

  it('continues in another process when its own dies, and the snapshot stays the merged log', async ({
    redisServer,
    redis,
    namespace,
    cleanup,
  }) => {
    const { add, start, store, recomputed } = newLog({ redisServer, redis, namespace, cleanup });
    const first = await start({ leaseMs: 300 });
    await add({ Soc: 70 }, 1_000);
    await eventually(async () => (await store.cursor(0)) !== BEGINNING);
    const second = await start({ leaseMs: 300, owner: 'second' });
    expect([first.isHolder, second.isHolder]).toEqual([true, false]);
    // as if the first process had been suspended for longer than its lease
    await redis.del(partitionKeys(namespace, 0).lease('snapshot'));
    await eventually(() => second.isHolder || first.isHolder);
    const last = await add({ Soc: 71, Gear: 'D' }, 2_000);
    await eventually(async () => (await store.cursor(0)) === last);
    await eventually(() => Number(first.isHolder) + Number(second.isHolder) === 1);
    expect(stateFromHash((await store.read(VIN)).hash).state).toEqual(await recomputed());
  });

  it('rebuilds cleared snapshots from the log', async ({ redisServer, redis, namespace, cleanup }) => {
    const { add, start, store, recomputed } = newLog({ redisServer, redis, namespace, cleanup });
    const keeper = await start({ leaseMs: 300 });
    const last = await add({ Soc: 70, Gear: 'D' }, 1_000);
    await eventually(async () => (await store.cursor(0)) === last);
    await redis.hset(`${partitionKeys(namespace, 0).snapshotPrefix}${VIN}`, 'Odometer', '[9,"9-0",1]');
    await store.clear(0);
    await eventually(async () => (await store.cursor(0)) === last);
    expect(stateFromHash((await store.read(VIN)).hash).state).toEqual(await recomputed());
    const next = await add({ Soc: 69 }, 2_000);
    await eventually(async () => (await store.cursor(0)) === next);
    expect(keeper.isHolder).toBe(true);
  });

  it('does not report a gap when the records that it has read are deleted by forget', async ({
    redisServer,
    redis,
    namespace,
    cleanup,
  }) => {
    const { add, start, store, counts, logStore } = newLog({ redisServer, redis, namespace, cleanup });
    await start({ leaseMs: 300 });
    const last = await add({ Soc: 70 }, 1_000);
    await eventually(async () => (await store.cursor(0)) === last);
    await forgetVehicle(logStore, { vin: VIN, subscriptions: [] });
    const next = await add({ Gear: 'D' }, 2_000);
    await eventually(async () => (await store.cursor(0)) === next);
    expect([...stateFromHash((await store.read(VIN)).hash).state.readings.keys()]).toEqual(['Gear']);
    expect(counts.gaps).toBe(0);
  });

  it('counts signals by topic', async ({ redisServer, redis, namespace, cleanup }) => {
    const { add, addRaw, start, counts } = newLog({ redisServer, redis, namespace, cleanup });
    await start();
    await add({ Soc: 70, Gear: 'D' }, 1_000);
    await addRaw(
      'alerts',
      encodeMessage('alerts', { alerts: [{ name: 'a' }, { name: 'b' }, { name: 'c' }], vin: VIN }),
    );
    await addRaw('errors', encodeMessage('errors', { errors: [{ name: 'e' }], vin: VIN }));
    await addRaw('of_the_future', Buffer.from('0a00', 'hex'));
    await eventually(() => counts.records === 4);
    expect(counts.signals).toEqual({ V: 2, alerts: 3 });
  });

  it("skips and counts a record that can't be decoded", async ({ redisServer, redis, namespace, cleanup }) => {
    const { add, addRaw, start, store, counts } = newLog({ redisServer, redis, namespace, cleanup });
    await start();
    await addRaw('V', Buffer.from('0a7f', 'hex'));
    const last = await add({ Soc: 70 }, 1_000);
    await eventually(async () => (await store.cursor(0)) === last);
    expect(counts.undecodable).toBe(1);
    expect(stateFromHash((await store.read(VIN)).hash).state.readings.get('Soc')?.value).toBe(70);
  });

  it('skips an entry that it fails to merge, logs its id, and continues with the next one', async ({
    redisServer,
    redis,
    namespace,
    cleanup,
  }) => {
    const { add, addRaw, start, store, counts } = newLog({ redisServer, redis, namespace, cleanup });
    counts.signals = new Proxy(counts.signals, {
      set: (signals, topic: string, count) => {
        if (topic === 'alerts') throw new Error('cannot count alerts');
        return Reflect.set(signals, topic, count);
      },
    });
    const lines: string[] = [];
    const destination = { write: (line: string) => void lines.push(line) };
    await start({ log: createLogger({ name: 'test', destination }) });
    const bad = await addRaw('alerts', encodeMessage('alerts', { alerts: [{ name: 'a' }], vin: VIN }));
    const last = await add({ Soc: 70 }, 1_000);
    await eventually(async () => (await store.cursor(0)) === last);
    expect(counts.skippedEntries).toBe(1);
    expect(lines.filter((line) => line.includes('entry_skipped')).map((line) => JSON.parse(line).entry)).toEqual([bad]);
    expect(lines.some((line) => line.includes('log_unreadable'))).toBe(false);
    expect(stateFromHash((await store.read(VIN)).hash).state.readings.get('Soc')?.value).toBe(70);
  });

  it('reads entries again, without skipping any, when Redis does not give it the state of a vehicle', async ({
    redisServer,
    redis,
    namespace,
    cleanup,
  }) => {
    let failures = 2;
    const flaky: RedisConnection = Object.assign(Object.create(redis), {
      hgetall: (key: string) => (failures-- > 0 ? Promise.reject(new Error('connection lost')) : redis.hgetall(key)),
    });
    const { add, start, store, counts } = newLog({ redisServer, redis: flaky, namespace, cleanup });
    await start();
    const last = await add({ Soc: 70 }, 1_000);
    await eventually(async () => (await store.cursor(0)) === last);
    expect(counts.skippedEntries).toBe(0);
    expect(counts.records).toBe(1);
    expect(stateFromHash((await store.read(VIN)).hash).state.readings.get('Soc')?.value).toBe(70);
  });

  it('releases the lease when the cursor of the snapshots cannot be read', async ({
    redisServer,
    redis,
    namespace,
    cleanup,
  }) => {
    let mayRead = false;
    const flaky: RedisConnection = Object.assign(Object.create(redis), {
      get: (key: string) => (mayRead ? redis.get(key) : Promise.reject(new Error('connection lost'))),
    });
    const { add, start, store } = newLog({ redisServer, redis: flaky, namespace, cleanup });
    const first = await start({ leaseMs: 30_000 });
    expect(first.isHolder).toBe(false);
    expect(await redis.exists(partitionKeys(namespace, 0).lease('snapshot'))).toBe(0);
    mayRead = true;
    const second = await start({ owner: 'second', leaseMs: 30_000 });
    expect(second.isHolder).toBe(true);
    const last = await add({ Soc: 70 }, 1_000);
    await eventually(async () => (await store.cursor(0)) === last);
  });

  it.for([-3_600_000, 3_600_000])(
    'commits as before when the clock is set by %i ms',
    async (setMs, { redisServer, redis, namespace, cleanup }) => {
      const { add, start, store } = newLog({ redisServer, redis, namespace, cleanup });
      const clock = wallClock();
      cleanup.push(() => clock.reset());
      await start();
      const before = await add({ Soc: 70 }, 1_000);
      await eventually(async () => (await store.cursor(0)) === before);
      clock.set(setMs);
      for (const soc of [71, 72, 73]) {
        const last = await add({ Soc: soc }, 2_000 + soc);
        await eventually(async () => (await store.cursor(0)) === last, 5_000);
      }
    },
  );

  it('continues after a restart of Redis, and the snapshot is the merged log', async ({ namespace, cleanup }) => {
    const own = await startRedis();
    cleanup.push(() => own.stop());
    const connection = connectRedis({ url: own.url, name: 'test' });
    cleanup.push(() => connection.disconnect());
    await whenReady(connection, 5_000);
    const { add, start, store, recomputed } = newLog({ redisServer: own, redis: connection, namespace, cleanup });
    await start({ leaseMs: 1_000 });
    const before = await add({ Soc: 70 }, 1_000);
    await eventually(async () => (await store.cursor(0)) === before);
    await own.kill();
    await own.start();
    await whenReady(connection, 5_000);
    const last = await add({ Gear: 'D' }, 2_000);
    await eventually(async () => (await store.cursor(0)) === last);
    expect(stateFromHash((await store.read(VIN)).hash).state).toEqual(await recomputed());
  });
});

function newLog({ redisServer, redis, namespace, cleanup }: Omit<RedisTestContext, 'store'>) {
  const { records } = partitionKeys(namespace, 0);
  const counts = {
    records: 0,
    signals: {} as Record<string, number>,
    undecodable: 0,
    skippedEntries: 0,
    gaps: 0,
    commits: 0,
  };
  const logStore = new Store({ redis, url: redisServer.url, namespace, partitions: 1 });
  const store = new SnapshotStore(logStore);
  const fieldsOf = (topic: string, payload: Buffer, { createdMs = 1, vin = VIN } = {}) => {
    const times = ['created', createdMs, 'received', createdMs];
    return ['vin', vin, 'topic', topic, 'txid', 't', ...times, 'version', '', 'payload', payload];
  };
  const addRaw = (topic: string, payload: Buffer, createdMs = 1) =>
    redis.xadd(records, '*', ...fieldsOf(topic, payload, { createdMs }));
  const socFields = (soc: number, createdMs: number, vin = VIN) => {
    const data = [{ key: Field.Soc, value: { doubleValue: soc } }];
    return fieldsOf('V', encodeMessage('V', { data, createdAt: timestampOf(createdMs), vin }), { createdMs, vin });
  };
  const add = ({ Soc, Gear, Odometer }: { Soc?: number; Gear?: 'D' | 'P'; Odometer?: number }, createdMs: number) => {
    const data: VehicleData['data'] = [];
    if (Odometer !== undefined) data.push({ key: Field.Odometer, value: { doubleValue: Odometer } });
    if (Soc !== undefined) data.push({ key: Field.Soc, value: { doubleValue: Soc } });
    if (Gear) data.push({ key: Field.Gear, value: { shiftStateValue: ShiftState[`ShiftState${Gear}`] } });
    return addRaw('V', encodeMessage('V', { data, createdAt: timestampOf(createdMs), vin: VIN }), createdMs);
  };
  const start = async (options: Partial<SnapshotKeeperOptions> = {}) => {
    const keeper = new SnapshotKeeper({
      store: logStore,
      partition: 0,
      owner: 'first',
      log,
      counts,
      ...options,
    });
    await keeper.start();
    cleanup.push(() => keeper.stop());
    return keeper;
  };
  const recomputed = async (): Promise<VehicleState> => {
    const state = emptyState();
    for (const [id, fields] of await redis.xrangeBuffer(records, '-', '+')) {
      const field = (name: string) => fields[fields.findIndex((one) => one.toString() === name) + 1]!;
      const decoded = decodeRecord(field('topic').toString(), field('payload'))!;
      mergeRecord(state, { entryId: id.toString(), timeMs: Number(field('created').toString()), decoded });
    }
    return state;
  };
  return { logStore, store, records, counts, add, addRaw, socFields, start, recomputed };
}
