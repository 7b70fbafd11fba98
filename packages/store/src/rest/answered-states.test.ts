// The clock rules of docs/protocol/teslamate.md#clocks: each with the answer that would end TeslaMate.
import { describe, expect } from 'vitest';
import { it } from '../testing/index.js';
import { AnsweredStates, type PresentState } from './answered-states.js';

const VIN = '5YJ3E1EA7KF000001';
const T = 1_700_000_000_000;
type Answer = (present: Partial<PresentState>) => Promise<string>;

const test = it.extend<{ answer: Answer }>({
  answer: async ({ store }, use) => {
    await use(async (present) => {
      const { recordMs = T, nowMs = T, status = 'online' } = present;
      // by another object each time: nothing is kept in a process
      const answered = await new AnsweredStates(store).answer(VIN, {
        updateStatus: '',
        entryId: `${recordMs}-0`,
        ...present,
        nowMs,
        status,
        recordMs,
      });
      return `${answered.status} ${answered.timestampMs - T}${answered.updateStatus && ` ${answered.updateStatus}`}`;
    });
  },
});

describe('the timestamp', () => {
  test('is that of the newest record, also of a parked vehicle that sends nothing', async ({ answer }) => {
    expect(await answer({ nowMs: T + 5_000 })).toBe('online 0');
    expect(await answer({ nowMs: T + 900_000 })).toBe('online 0');
    expect(await answer({ nowMs: T + 900_100, recordMs: T + 900_050 })).toBe('online 900050');
  });

  test('never goes back, whatever the clocks do', async ({ answer }) => {
    expect(await answer({ recordMs: T + 1_000, nowMs: T + 1_000 })).toBe('online 1000');
    expect(await answer({ recordMs: T, nowMs: T + 2_000 })).toBe('online 1000');
    expect(await answer({ recordMs: T - 3_600_000, nowMs: T - 3_600_000 })).toBe('online 1000');
  });

  test('is never later than now', async ({ answer }) => {
    expect(await answer({ recordMs: T + 45_000, nowMs: T })).toBe('online 0');
  });

  test('is never older than the last `asleep`, with a vehicle clock that is behind', async ({ answer }) => {
    expect(await answer({})).toBe('online 0');
    expect(await answer({ status: 'asleep', nowMs: T + 60_000 })).toBe('asleep 0');
    const late = { recordMs: T + 30_000, entryId: `${T + 70_000}-0` };
    expect(await answer({ ...late, nowMs: T + 70_000 })).toBe('online 60001');
    expect(await answer({ ...late, recordMs: T + 30_500, nowMs: T + 71_000 })).toBe('online 60001');
    expect(await answer({ recordMs: T + 70_001, nowMs: T + 72_000 })).toBe('online 70001');
  });
});

describe('`online`', () => {
  test('is not answered before a record that is newer than the last `asleep`', async ({ answer }) => {
    expect(await answer({ nowMs: T })).toBe('online 0');
    expect(await answer({ status: 'asleep', nowMs: T + 60_000 })).toBe('asleep 0');
    // connected, and nothing received yet
    expect(await answer({ nowMs: T + 90_000 })).toBe('asleep 0');
    // not newer than the `asleep` just now, by one millisecond
    expect(await answer({ recordMs: T + 90_500, nowMs: T + 90_000 })).toBe('asleep 0');
    expect(await answer({ recordMs: T + 90_500, nowMs: T + 90_600 })).toBe('online 90500');
  });

  test('follows an `offline` of a vehicle that was never seen', async ({ answer }) => {
    expect(await answer({ status: 'offline', recordMs: 0, entryId: '0-0' })).toBe(`offline ${-T}`);
    expect(await answer({ recordMs: T + 10, nowMs: T + 20 })).toBe('online 10');
  });

  test('stays while the clock is behind the last timestamp: `asleep` would end before it began', async ({ answer }) => {
    expect(await answer({ recordMs: T + 5_000, nowMs: T + 5_000 })).toBe('online 5000');
    expect(await answer({ status: 'asleep', nowMs: T + 4_000 })).toBe('online 5000');
    expect(await answer({ status: 'asleep', nowMs: T + 5_000 })).toBe('asleep 5000');
  });
});

describe('an update', () => {
  test('goes from installing to empty, and to available only after five minutes', async ({ answer }) => {
    expect(await answer({ updateStatus: 'available' })).toBe('online 0 available');
    expect(await answer({ updateStatus: 'installing' })).toBe('online 0 installing');
    expect(await answer({ updateStatus: 'available', nowMs: T + 1_000 })).toBe('online 0');
    expect(await answer({ updateStatus: 'scheduled', nowMs: T + 300_999 })).toBe('online 0');
    expect(await answer({ updateStatus: 'available', nowMs: T + 301_000 })).toBe('online 0 available');
  });

  test('that was installed and is followed by the next one is empty first', async ({ answer }) => {
    expect(await answer({ updateStatus: 'installing' })).toBe('online 0 installing');
    expect(await answer({ updateStatus: '', nowMs: T + 1_000 })).toBe('online 0');
    expect(await answer({ updateStatus: 'downloading', nowMs: T + 2_000 })).toBe('online 0');
    expect(await answer({ updateStatus: 'installing', nowMs: T + 3_000 })).toBe('online 0 installing');
  });
});

test('one vehicle does not affect another', async ({ store, answer }) => {
  expect(await answer({ recordMs: T + 1_000, nowMs: T + 1_000 })).toBe('online 1000');
  const other = { nowMs: T, status: 'online', recordMs: T, entryId: `${T}-0`, updateStatus: '' } as const;
  expect(await new AnsweredStates(store).answer('5YJ3E1EA7KF000002', other)).toMatchObject({ timestampMs: T });
});
