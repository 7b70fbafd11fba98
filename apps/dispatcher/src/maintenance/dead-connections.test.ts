import { createLogger } from '@fleetbridge/service';
import { describe, expect, it } from 'vitest';
import { DeadConnections } from './dead-connections.js';

describe('DeadConnections', () => {
  it('reports expired leases only after Redis has answered without a break for as long as a lease lasts', async () => {
    let nowMs = 0;
    let isRedisAvailable = true;
    const reportedAtMs: number[] = [];
    const deadConnections = new DeadConnections({
      presence: { reportDead: (_, atMs) => Promise.resolve(void reportedAtMs.push(atMs)).then(() => []) },
      ping: () => (isRedisAvailable ? Promise.resolve() : Promise.reject(new Error('away'))),
      log: createLogger({ name: 'test', level: 'silent' }),
      now: () => nowMs,
      counts: { reported: 0 },
    });
    const reportAt = (atMs: number, isAvailable = true) => {
      nowMs = atMs;
      isRedisAvailable = isAvailable;
      return deadConnections.report([0]);
    };
    await reportAt(0);
    await reportAt(14_999);
    expect(reportedAtMs).toEqual([]);
    await reportAt(15_000);
    await reportAt(16_000, false);
    await reportAt(17_000);
    await reportAt(31_000);
    await reportAt(32_000);
    expect(reportedAtMs).toEqual([15_000, 32_000]);
  });
});
