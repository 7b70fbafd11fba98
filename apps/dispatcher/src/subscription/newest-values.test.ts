import { CONNECTIVITY } from '@fleetbridge/vehicle-state';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isOutdated, NewestValues } from './newest-values.js';

const VIN = '5YJ3E1EA7KF000001';

describe('NewestValues', () => {
  it('knows what was delivered, and what was not because the delivery failed', async () => {
    const newest = values();
    const first = await newest.of(entry('10-0', 10), false);
    expect(first.isOutdated('Soc')).toBe(false);
    const late = await newest.of(entry('20-0', 5), false);
    expect(late.isOutdated('Soc')).toBe(false);
    first.delivered();
    expect((await newest.of(entry('20-0', 5), false)).isOutdated('Soc')).toBe(true);
    expect((await newest.of(entry('20-0', 5), false)).isOutdated('Odometer')).toBe(false);
    // the same record again
    expect((await newest.of(entry('10-0', 10), false)).isOutdated('Soc')).toBe(false);
    expect((await newest.of(entry('21-0', 10), false)).isOutdated('Soc')).toBe(false);
  });

  it('knows from the snapshot what earlier records brought, not what later ones will', async () => {
    const hash = { Soc: JSON.stringify([100, '30-0', 1]), Gear: JSON.stringify([100, '50-0', 'P']) };
    const at = async (id: string, timeMs: number, name: string, isRedelivery = false) =>
      (await values(hash).of(entry(id, timeMs), isRedelivery)).isOutdated(name);
    expect(await at('40-0', 90, 'Soc')).toBe(true);
    expect(await at('40-0', 110, 'Soc')).toBe(false);
    expect(await at('40-0', 90, 'Gear')).toBe(false);
    // records after a dead letter may have been delivered
    expect(await at('40-0', 90, 'Gear', true)).toBe(true);
  });

  it('orders connectivity by the log, whatever the times', async () => {
    const newest = values({ [CONNECTIVITY]: JSON.stringify([500, '30-0', true, 'c', 'wifi']) });
    expect((await newest.of(entry('40-0', 90), false)).isOutdated(CONNECTIVITY)).toBe(false);
    expect((await newest.of(entry('20-0', 900), true)).isOutdated(CONNECTIVITY)).toBe(true);
  });

  it('reads the snapshot once per vehicle in memory, and again for one that was evicted', async () => {
    const read: string[] = [];
    const newest = values({}, { read, maxVins: 2 });
    for (const vin of ['A', 'B', 'A', 'C', 'A', 'B']) await newest.of({ ...entry('1-0', 1), vin }, false);
    expect(read).toEqual(['A', 'B', 'C', 'B']);
  });

  it('ends with the newest value for any times, and any restart in between', async () => {
    const times = fc.array(fc.nat(5), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(times, fc.nat(20), async (timesMs, restartAt) => {
        const hash: Record<string, string> = {};
        let newest = values();
        let published = '';
        let best = { timeMs: -1, entryId: '' };
        for (const [n, timeMs] of timesMs.entries()) {
          const entryId = `${n + 1}-0`;
          if (n === restartAt) newest = values(hash);
          const record = await newest.of(entry(entryId, timeMs), false);
          if (!record.isOutdated('Soc')) published = entryId;
          record.delivered();
          if (timeMs >= best.timeMs) best = { timeMs, entryId };
          hash.Soc = JSON.stringify([best.timeMs, best.entryId, 1]);
          expect(published).toBe(best.entryId);
        }
      }),
    );
  });
});

it('a value without a known one is not outdated', () => {
  expect(isOutdated({ timeMs: 1, entryId: '1-0' }, undefined, true)).toBe(false);
});

function values(hash: Record<string, string> = {}, { read = [] as string[], maxVins = 10 } = {}): NewestValues {
  const snapshots = {
    read: (vin: string) => {
      read.push(vin);
      return Promise.resolve({ cursor: '0-0', hash: { ...hash } });
    },
  };
  return new NewestValues({ snapshots, maxVins });
}

function entry(id: string, createdMs: number) {
  return { id, createdMs, vin: VIN, topic: 'V', txid: '', receivedMs: 0, version: '', payload: Buffer.alloc(0) };
}
