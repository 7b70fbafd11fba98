import { createLogger } from '@fleetbridge/service';
import { describe, expect, it } from 'vitest';
import { DeadConnections } from './dead-connections.js';

describe('DeadConnections', () => {
  it('reports expired leases only after Redis has answered without a break for as long as a lease lasts', async () => {
    const { reportAt, reportedAtMs } = newDeadConnections();
    await reportAt(0);
    await reportAt(14_999);
    expect(reportedAtMs).toEqual([]);
    await reportAt(15_000);
    await reportAt(16_000, { isAvailable: false });
    await reportAt(17_000);
    await reportAt(31_000);
    await reportAt(32_000);
    expect(reportedAtMs).toEqual([15_000, 32_000]);
  });

  it.for([3_600_000, 8 * 86_400_000, -3_600_000])(
    'gives the processes time to renew their leases when the clock of Redis is set by %i ms',
    async (setMs) => {
      const { reportAt, reportedAtMs } = newDeadConnections();
      for (let atMs = 0; atMs <= 16_000; atMs += 2_000) await reportAt(atMs);
      expect(reportedAtMs).toEqual([16_000]);
      for (let atMs = 18_000; atMs <= 32_000; atMs += 2_000) await reportAt(atMs, { redisAheadMs: setMs });
      expect(reportedAtMs).toEqual([16_000]);
      await reportAt(33_000, { redisAheadMs: setMs });
      expect(reportedAtMs).toEqual([16_000, 33_000]);
    },
  );

  it.for([3_600_000, -3_600_000])('is not affected by a clock of this process that is set by %i ms', async (setMs) => {
    const { reportAt, reportedAtMs } = newDeadConnections();
    await reportAt(0);
    await reportAt(14_999, { wallAheadMs: setMs });
    expect(reportedAtMs).toEqual([]);
    await reportAt(15_000, { wallAheadMs: setMs });
    expect(reportedAtMs).toEqual([15_000 + setMs]);
  });
});

function newDeadConnections() {
  let steadyMs = 0;
  let state = { isAvailable: true, redisAheadMs: 0, wallAheadMs: 0 };
  const reportedAtMs: number[] = [];
  const deadConnections = new DeadConnections({
    presence: { reportDead: (_, atMs) => Promise.resolve(void reportedAtMs.push(atMs)).then(() => []) },
    ping: () => (state.isAvailable ? Promise.resolve() : Promise.reject(new Error('away'))),
    redisTimeMs: async () => steadyMs + state.redisAheadMs,
    log: createLogger({ name: 'test', level: 'silent' }),
    now: () => steadyMs + state.wallAheadMs,
    monotonicNow: () => steadyMs,
    counts: { reported: 0 },
  });
  return {
    reportedAtMs,
    reportAt: (atMs: number, changes: Partial<typeof state> = {}) => {
      steadyMs = atMs;
      state = { isAvailable: true, redisAheadMs: 0, wallAheadMs: 0, ...changes };
      return deadConnections.report([0]);
    },
  };
}
