// The times of records when the clock of a vehicle, or that of Redis, is wrong. The clock of Redis can't be set, so an
// entry from the future replaces one that was appended before the clock went back.
import { describe, expect } from 'vitest';
import { it, type OpenedAppender, VIN } from '../../test/appender-test.js';
import { CLOCK_BEHIND_MS } from '../scripts/index.js';
import type { LogEntry } from './entry.js';

const HOUR_MS = 3_600_000;
const OTHER_VIN = '5YJ3E1EA7KF000002';

describe('a record of a vehicle with a wrong clock', () => {
  it.for([45_000, 300_000, 2 * 86_400_000])('%i ms ahead has the receive time', async (aheadMs, { open }) => {
    const { append, entries } = open();
    await append({ txid: 'fast', createdMs: Date.now() + aheadMs });
    await append({ txid: 'right', createdMs: Date.now() + 1 });
    const [fast, right] = await entries();
    expectReceiveTime(fast!);
    expect(right!.createdMs).toBeGreaterThanOrEqual(fast!.createdMs);
    expect(right!.createdMs).toBeLessThanOrEqual(Date.now());
  });

  it('behind keeps its own time', async ({ open }) => {
    const { append, entries } = open();
    const createdMs = Date.now() - 20_000;
    await append({ createdMs });
    expect((await entries())[0]!.createdMs).toBe(createdMs);
  });

  it('keeps the order of the log when the clock jumps forth and back', async ({ open }) => {
    const { append, entries } = open();
    for (const [n, skewMs] of [0, 45_000, 0, 600_000, 0, 30_000].entries()) {
      await append({ txid: `${n}`, createdMs: Date.now() + skewMs });
    }
    const times = (await entries()).map(({ createdMs }) => createdMs);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });
});

describe('while the clock of Redis is behind', () => {
  it('records have the times of their vehicles, in order, from two vehicles and after a restart', async ({ open }) => {
    const opened = open();
    const { append, entries } = opened;
    // the newest entry: the clock was right, then two hours go back
    const beforeMs = await appendFromFuture(opened, 2 * HOUR_MS);
    const trueMs = beforeMs + 60_000;
    const createdOf = async (vin: string) =>
      (await entries()).filter((entry) => entry.vin === vin).map(({ createdMs }) => createdMs - trueMs);
    await append({ txid: 'a', createdMs: trueMs });
    await append({ txid: 'b', createdMs: trueMs + 500 });
    await append({ txid: 'late', createdMs: trueMs - 600_000 });
    await append({ txid: 'c', vin: OTHER_VIN, createdMs: trueMs + 700 });
    const restarted = open();
    await restarted.append({ txid: 'd', createdMs: trueMs + 900 });
    await restarted.append({ txid: 'e', vin: OTHER_VIN, createdMs: trueMs + 950 });
    expect(await createdOf(VIN)).toEqual([-60_000, 0, 500, -600_000, 900]);
    expect(await createdOf(OTHER_VIN)).toEqual([700, 950]);
    expect(await restarted.append({ txid: 'd', kind: 'possible_repeat_dated', createdMs: trueMs + 900 })).toBe(
      'repeat',
    );
  });

  it('times do not go back when the clock has passed the newest entry and is still behind', async ({
    open,
    redis,
    store,
  }) => {
    const opened = open();
    const { append, entries } = opened;
    const trueMs = (await appendFromFuture(opened, 2 * HOUR_MS)) + 60_000;
    await append({ txid: 'a', createdMs: trueMs });
    const [{ vin } = { vin: '' }] = await entries();
    await redis.del(store.keys(0).records);
    await append({ txid: 'b', createdMs: trueMs + 1_000 });
    expect((await entries()).map(({ createdMs }) => createdMs - trueMs)).toEqual([1_000]);
    // of another vehicle there is no earlier time
    await append({ txid: 'c', vin: OTHER_VIN, createdMs: trueMs + 2_000 });
    expect((await entries()).at(-1)!.createdMs).toBeLessThanOrEqual(Date.now());
    expect(await redis.pttl(store.keys(0).vehicleTimePrefix + vin)).toBeGreaterThan(HOUR_MS);
  });

  it.for([45_000, 600_000])(
    'a vehicle that is %i ms ahead does not exclude what follows when the clock has been corrected',
    async (aheadMs, { open, redis, store }) => {
      const opened = open();
      const { append, entries } = opened;
      const key = store.keys(0).vehicleTimePrefix + VIN;
      await appendFromFuture(opened, 2 * HOUR_MS);
      await append({ txid: 'before', createdMs: Date.now() + 2 * HOUR_MS + aheadMs });
      // as if the clock had been set: the vehicle is ahead by less than before
      await redis.del(store.keys(0).records);
      const knownMs = Date.now() + aheadMs;
      const [, skewMs] = (await redis.get(key))!.split(' ');
      await redis.set(key, `${knownMs} ${skewMs}`);
      await append({ txid: 'a', createdMs: knownMs + 500 });
      await append({ txid: 'b', createdMs: knownMs + 1_000 });
      expect((await entries()).map(({ createdMs }) => createdMs)).toEqual([knownMs, knownMs]);
      expect(await redis.get(key)).toBe(`${knownMs} ${skewMs}`);
      expect(await append({ txid: 'b', kind: 'possible_repeat_dated', createdMs: knownMs + 1_000 })).toBe('repeat');
      // the clock has passed it
      await redis.set(key, `${Date.now() - 1} ${skewMs}`);
      await append({ txid: 'c', createdMs: Date.now() + aheadMs });
      expectReceiveTime((await entries()).at(-1)!);
    },
  );

  it.for([100, 3_650])('a vehicle that is %i days ahead has the time of the newest entry', async (days, { open }) => {
    const opened = open();
    const { append, entries } = opened;
    const newestMs = await appendFromFuture(opened, 2 * HOUR_MS);
    await append({ txid: 'a', createdMs: newestMs + days * 24 * HOUR_MS });
    await append({ txid: 'b', createdMs: newestMs + 1_000 });
    await append({ txid: 'c', createdMs: newestMs + days * 24 * HOUR_MS });
    await append({ txid: 'd', createdMs: newestMs + 2_000 });
    const times = (await entries()).map(({ createdMs }) => createdMs - newestMs);
    expect(times).toEqual([0, 0, 1_000, 1_000, 2_000]);
  });

  it('a vehicle that is ahead is not behind the newest entry after a small step of the clock', async ({ open }) => {
    const opened = open();
    const { append, entries } = opened;
    const newestMs = await appendFromFuture(opened, 8_000);
    await append({ txid: 'a', createdMs: newestMs + 300_000 });
    await append({ txid: 'b', createdMs: newestMs + 500 });
    expect((await entries()).map(({ createdMs }) => createdMs - newestMs)).toEqual([0, 0, 0]);
  });

  it('reports the time of the newest entry to the process, which is at most its own clock otherwise', async ({
    open,
  }) => {
    const times: number[] = [];
    const opened = open({ onCall: ({ lastEntryMs }) => times.push(lastEntryMs - Date.now()) });
    await opened.append({ txid: 'a', createdMs: Date.now() + HOUR_MS });
    const repeat = opened.append({ txid: 'a', kind: 'possible_repeat' });
    expect(await repeat).toBe('repeat');
    await appendFromFuture(opened, 2 * HOUR_MS);
    await opened.append({ txid: 'b' });
    expect(times[0]).toBeLessThanOrEqual(CLOCK_BEHIND_MS);
    expect(times[1]).toBeLessThan(-HOUR_MS);
    expect(times[2]).toBeGreaterThan(1.9 * HOUR_MS);
  });
});

/** Appends an entry with an id in the future, which is its time too. */
async function appendFromFuture({ store }: OpenedAppender, aheadMs: number): Promise<number> {
  const ms = Date.now() + aheadMs;
  const fields = { vin: VIN, topic: 'V', txid: 'future', created: ms, received: ms, version: '', payload: 'p' };
  await store.redis.xadd(store.keys(0).records, `${ms}-0`, ...Object.entries(fields).flat());
  return ms;
}

/** That of the entry id. The script reads the clock just before Redis creates the id. */
function expectReceiveTime({ id, createdMs }: LogEntry): void {
  expect(createdMs).toBeLessThanOrEqual(msOf(id));
  expect(createdMs).toBeGreaterThan(msOf(id) - 1_000);
}

function msOf(id: string): number {
  return Number(id.split('-')[0]);
}
