// Wrong clocks: of vehicles, of the machine of ingest, and of the machine of Redis.
import { LogPages } from '@fleetbridge/store';
import { eventually } from '@fleetbridge/testing';
import { describe, expect } from 'vitest';
import { OTHER_VIN, type TestIngest, VIN } from './ingest-rig.js';
import { it } from './ingest-test.js';

const HOUR_MS = 3_600_000;

describe('the clock of a vehicle', () => {
  it.for([45_000, 300_000, 86_400_000])(
    '%i ms ahead does not exclude what follows',
    async (aheadMs, { startIngest }) => {
      const ingest = await startIngest();
      const vehicle = await ingest.connect();
      for (const [n, skewMs] of [aheadMs, 0, aheadMs, 0].entries()) {
        vehicle.send({ txid: `${n}`, createdMs: Date.now() + skewMs });
        await vehicle.fenceWithoutLog();
      }
      await eventually(() => vehicle.acks().length === 4);
      const times = await reportedTimes(ingest, VIN);
      expect(times).toHaveLength(4);
      expect(times).toEqual([...times].sort((a, b) => a - b));
      expect(times.at(-1)).toBeLessThanOrEqual(Date.now());
      expect(ingest.counts.clockAhead).toBe(aheadMs > 60_000 ? 2 : 0);
    },
  );
});

describe('the clock of this machine', () => {
  it('two hours behind that of Redis is reported, and records have the times of their vehicles', async ({
    startIngest,
  }) => {
    let offsetMs = -2 * HOUR_MS;
    const ingest = await startIngest({ now: () => Date.now() + offsetMs });
    const vehicle = await ingest.connect();
    const createdMs = Date.now() - 50;
    vehicle.send({ txid: 'a', createdMs });
    await eventually(() => vehicle.acks().includes('a'));
    expect(await reportedTimes(ingest, VIN)).toEqual([createdMs]);
    await eventually(() => events(ingest, 'clock_behind_detected').length === 1);
    expect(events(ingest, 'clock_behind_detected')).toMatchObject([{ level: 'warn', behind_seconds: 7_200 }]);
    expect((await ingest.admin('/')).text).toContain('The clock of this machine is 2 hours behind its vehicles');
    expect((await ingest.admin('/metrics')).text).toMatch(/^fleetbridge_ingest_clock_behind_seconds\{.*\} 7200$/m);

    offsetMs = 0;
    vehicle.send({ txid: 'b', createdMs: createdMs + 1 });
    await eventually(() => events(ingest, 'clock_corrected').length === 1);
    expect((await ingest.admin('/')).text).not.toContain('The clock of this machine');
  });

  it('and that of Redis behind the log is reported, for two vehicles and after a restart of ingest', async ({
    startIngest,
  }) => {
    const first = await startIngest();
    // the newest entry of the log: two hours after the clocks, which went back
    const trueMs = Date.now() + 2 * HOUR_MS;
    const { records } = first.store.keys(0);
    await first.redis.xadd(records, `${trueMs}-0`, 'vin', 'other', 'topic', 'V', 'created', trueMs, 'payload', '');
    const one = await first.connect();
    one.send({ txid: 'a', createdMs: trueMs + 600_000 });
    await eventually(() => one.acks().includes('a'));
    expect(events(first, 'clock_behind_detected')).toHaveLength(1);
    await first.stop();

    const second = await startIngest();
    const [again, other] = [await second.connect(), await second.connect({ vin: OTHER_VIN })];
    again.send({ txid: 'b', createdMs: trueMs + 601_000 });
    again.send({ txid: 'late', createdMs: trueMs - HOUR_MS });
    other.send({ txid: 'c', createdMs: trueMs + 602_000 });
    await eventually(() => again.acks().length === 2 && other.acks().length === 1);
    expect((await reportedTimes(second, VIN)).map((ms) => ms - trueMs)).toEqual([600_000, 601_000, -HOUR_MS]);
    expect((await reportedTimes(second, OTHER_VIN)).map((ms) => ms - trueMs)).toEqual([602_000]);
    expect(events(second, 'clock_behind_detected')).toHaveLength(1);
    expect((await second.admin('/')).text).toContain('The clock of this machine is 2 hours behind its vehicles');
  });
});

/** Of the V records of a vehicle, in the order of the log. */
async function reportedTimes({ store }: TestIngest, vin: string): Promise<number[]> {
  const entries = await new LogPages(store).after(0, '0-0', 100);
  return entries.filter((entry) => entry.vin === vin && entry.topic === 'V').map(({ createdMs }) => createdMs);
}

function events({ lines }: TestIngest, event: string) {
  return lines.filter((line) => line.event === event);
}
