// The signals that Tesla bills, as the dispatcher counts them: exact across kill -9, lost replies, recompute and upgrade.
import { encodeMessage, Field, timestampOf, type VehicleData } from '@fleetbridge/protocol';
import { createLogger } from '@fleetbridge/service';
import {
  countApiCalls,
  forgetVehicle,
  type RedisConnection,
  readApiUsage,
  readSignalDays,
  SnapshotStore,
  Store,
} from '@fleetbridge/store';
import { it } from '@fleetbridge/store/testing';
import { forecastMonth, monthDays } from '@fleetbridge/telemetry-config';
import { eventually } from '@fleetbridge/testing';
import { expect } from 'vitest';
import { SnapshotKeeper } from '../src/snapshot/index.js';
import { startDispatcher } from './dispatcher-process.js';

const VIN = '5YJ3E1EA7KF000001';
const DAY_MS = 86_400_000;
const log = createLogger({ name: 'test', level: 'silent' });

it('counts an uneven month within 2 % of what the bytes hold, and foresees it on day 10 within 10 %', async ({
  store,
  cleanup,
}) => {
  const days = monthDays('2026-09-01');
  const byWeekday = [3, 12, 10, 14, 11, 16, 6];
  const sent = new Map<string, number>();
  let last = '';
  for (const [n, day] of days.entries()) {
    // every record a few signals; each tenth a resend; some days without a drive
    const records = Math.round(byWeekday[new Date(day).getUTCDay()]! * (1 + 0.3 * Math.sin(n * 2.1)));
    for (let at = 0; at < records; at++) {
      const ms = Date.parse(day) + Math.floor((DAY_MS * at) / records);
      const payload = recordOf({ signals: 1 + ((at * 7) % 5), ms, isResend: at % 10 === 9 });
      sent.set(day, (sent.get(day) ?? 0) + signalsInBytes(payload));
      last = await append(store, { payload, ms });
    }
  }
  const keeper = await startKeeper(store, cleanup);
  await committed(store, last);
  const counted = await readSignalDays(store, VIN);
  expect(counted).toEqual(sent);
  const known = [...counted].filter(([day]) => day <= '2026-09-09').map(([day, count]) => ({ day, count }));
  const total = [...sent.values()].reduce((sum, count) => sum + count, 0);
  expect(Math.abs(forecastMonth(known, '2026-09-10').expected! / total - 1)).toBeLessThan(0.1);
  await keeper.stop();
});

it('is exact across kill -9 of the dispatcher', async ({ redisServer, redis, store, namespace, cleanup }) => {
  let sent = 0;
  let last = '';
  const send = async (records: number) => {
    for (let at = 0; at < records; at++) {
      last = await append(store, { payload: recordOf({ signals: 3, ms: Date.now() }) });
      sent += 3;
    }
  };
  const env = { REDIS_URL: redisServer.url, NAMESPACE: namespace };
  const dispatcher = await startDispatcher(env);
  cleanup.push(() => dispatcher.kill());
  await send(100);
  // killed while it commits every 250 ms
  await eventually(async () => (await new SnapshotStore(store).cursor(0)) !== '0-0');
  await send(100);
  await dispatcher.kill();
  await redis.del(store.keys(0).lease('snapshot'));
  await startKeeper(store, cleanup);
  await committed(store, last);
  expect(await total(store)).toBe(sent);
});

it('is exact when the reply of a commit is lost', async ({ redis, store, cleanup }) => {
  let losses = 1;
  const lossy: RedisConnection = Object.assign(Object.create(redis), {
    evalsha: async (sha: string, count: number, ...args: string[]) => {
      const reply = await redis.evalsha(sha, count, ...args);
      if (count === 4 && losses-- > 0) throw new Error('connection lost');
      return reply;
    },
  });
  await startKeeper(new Store({ ...store, redis: lossy, partitions: 1 }), cleanup, { leaseMs: 300 });
  await append(store, { payload: recordOf({ signals: 2, ms: 1 }) });
  await eventually(() => losses <= 0);
  const last = await append(store, { payload: recordOf({ signals: 4, ms: 2 }) });
  await committed(store, last);
  expect(await total(store)).toBe(6);
});

it('does not count again when snapshots are recomputed, and forgets with the vehicle', async ({
  redis,
  store,
  cleanup,
}) => {
  const first = await append(store, { payload: recordOf({ signals: 2, ms: 1 }) });
  await startKeeper(store, cleanup, { leaseMs: 300 });
  await committed(store, first);
  await new SnapshotStore(store).clear(0);
  const second = await append(store, { payload: recordOf({ signals: 5, ms: 2 }) });
  await committed(store, second);
  expect(await total(store)).toBe(7);
  expect(await redis.get(store.keys(0).signalCursor)).toBe(second);
  await forgetVehicle(store, { vin: VIN, subscriptions: [] });
  expect(await total(store)).toBe(0);
});

it('keeps 13 months', async ({ redis, store, cleanup }) => {
  const ms = Date.UTC(2026, 10, 26);
  const key = store.keys(0).signalDaysPrefix + VIN;
  await redis.hset(key, '2025-10-24', 1, '2025-10-26', 2);
  await startKeeper(store, cleanup);
  await committed(store, await append(store, { payload: recordOf({ signals: 5, ms }), ms }));
  expect([...(await readSignalDays(store, VIN))]).toEqual([
    ['2025-10-26', 2],
    ['2026-11-26', 5],
  ]);
  expect(await redis.pttl(key)).toBeGreaterThan(390 * DAY_MS);
});

it('counts calls of the Fleet API by day and kind', async ({ store }) => {
  const nowMs = Date.UTC(2026, 10, 26, 23, 59);
  await countApiCalls(store, { kind: 'wakes', nowMs: nowMs - 400 * DAY_MS });
  expect(await countApiCalls(store, { kind: 'requests', nowMs, calls: 3 })).toBe(3);
  expect(await countApiCalls(store, { kind: 'requests', nowMs })).toBe(4);
  await countApiCalls(store, { kind: 'commands', nowMs: nowMs + 60_000 });
  expect(await readApiUsage(store)).toEqual([
    { day: '2026-11-26', requests: 4, commands: 0, wakes: 0 },
    { day: '2026-11-27', requests: 0, commands: 1, wakes: 0 },
  ]);
});

async function startKeeper(store: Store, cleanup: (() => unknown)[], options: { leaseMs?: number } = {}) {
  const counts = { records: 0, signals: {}, undecodable: 0, skippedEntries: 0, gaps: 0, commits: 0 };
  const keeper = new SnapshotKeeper({ store, partition: 0, owner: 'test', log, counts, ...options });
  await keeper.start();
  cleanup.push(() => keeper.stop());
  return keeper;
}

function recordOf({ signals, ms, isResend = false }: { signals: number; ms: number; isResend?: boolean }): Buffer {
  const keys = [Field.Soc, Field.VehicleSpeed, Field.Odometer, Field.PackVoltage, Field.PackCurrent];
  const data: VehicleData['data'] = keys.slice(0, signals).map((key) => ({ key, value: { doubleValue: ms % 100 } }));
  return encodeMessage('V', { data, createdAt: timestampOf(ms), vin: VIN, isResend });
}

/** Counts field 1 of the payload in its bytes; independent of the decoder. */
function signalsInBytes(payload: Buffer): number {
  let count = 0;
  for (let at = 0; at < payload.length; ) {
    const tag = payload[at++]!;
    if (tag >> 3 === 1) count++;
    if ((tag & 7) === 0) {
      while (payload[at++]! >= 0x80);
    } else {
      at += payload[at]! + 1;
    }
  }
  return count;
}

async function append(store: Store, { payload, ms }: { payload: Buffer; ms?: number }): Promise<string> {
  const times = ['created', ms ?? 1, 'received', ms ?? 1];
  const fields = ['vin', VIN, 'topic', 'V', 'txid', 't', ...times, 'version', '', 'payload', payload];
  return (await store.redis.xadd(store.keys(0).records, ms === undefined ? '*' : `${ms}-*`, ...fields))!;
}

function committed(store: Store, last: string): Promise<boolean> {
  return eventually(async () => (await new SnapshotStore(store).cursor(0)) === last);
}

async function total(store: Store): Promise<number> {
  return [...(await readSignalDays(store, VIN)).values()].reduce((sum, count) => sum + count, 0);
}
