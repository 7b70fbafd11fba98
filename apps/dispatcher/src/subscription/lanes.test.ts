import type { LogEntry } from '@fleetbridge/store';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LaneLimits, Outstanding } from './lane.js';
import { Lanes, type WaitMs } from './lanes.js';

const limits: LaneLimits = { inFlight: 10, records: 20, bytes: 1_000_000, ids: 1_000 };
const wait = (ms: number) => () => ms;

describe('Lanes', () => {
  it('sends one entry per vehicle at a time, and vehicles concurrently', () => {
    const lanes = filled('a1 a2 b1');
    const [a1, b1] = [lanes.take(0)!, lanes.take(0)!];
    expect([a1.id, b1.id, lanes.take(0)]).toEqual(['a1', 'b1', undefined]);
    lanes.done(a1, 0);
    expect(lanes.take(0)?.id).toBe('a2');
  });

  it('lets only the lane of a rejected entry wait', () => {
    const lanes = filled('a1 a2 b1 b2');
    const [a1, b1] = [lanes.take(0)!, lanes.take(0)!];
    lanes.rejected(a1, { waitMs: wait(100), nowMs: 0 });
    lanes.done(b1, 0);
    expect(lanes.take(0)?.id).toBe('b2');
    expect(lanes.take(99)).toBeUndefined();
    expect(lanes.nextAtMs()).toBe(100);
    expect(a1.rejections).toBe(1);
    expect(takeLoading(lanes, 100)?.id).toBe('a1');
  });

  it('keeps ids instead of records of a waiting vehicle', () => {
    const lanes = filled('a1 a2 a3 b1');
    lanes.rejected(lanes.take(0)!, { waitMs: wait(100), nowMs: 0 });
    lanes.add(outstanding('a4'), 50);
    expect([lanes.ids, lanes.records, lanes.bytes]).toEqual([5, 1, 3]);
    expect(lanes.room).toBe(19);
  });

  it('sends one probe at a time while the endpoint is away, each from another vehicle', () => {
    const lanes = filled('a1 b1 c1');
    const [a1, b1] = [lanes.take(0)!, lanes.take(0)!];
    fail(lanes, a1, { waitMs: wait(100), nowMs: 0 });
    fail(lanes, b1, { waitMs: wait(100), nowMs: 0 });
    // no room: c has not failed, so it is the probe
    expect([lanes.isSuspended, lanes.room, lanes.records]).toEqual([true, 0, 0]);
    expect([lanes.take(99), lanes.nextAtMs()]).toEqual([undefined, 100]);
    const probe = takeLoading(lanes, 100)!;
    expect(probe.id).toBe('c1');
    expect([lanes.take(1_000), lanes.nextAtMs()]).toEqual([undefined, undefined]);
    fail(lanes, probe, { waitMs: (failures) => failures * 1_000, nowMs: 100 });
    // the probe's own wait and the suspension's, which is the second failure
    expect(takeLoading(lanes, 2_099)).toBeUndefined();
    const next = takeLoading(lanes, 2_100)!;
    lanes.done(next, 2_100);
    expect(lanes.isSuspended).toBe(false);
    expect([takeLoading(lanes, 2_100)?.vin, takeLoading(lanes, 2_100)?.vin].sort()).toHaveLength(2);
  });

  it('recovers with the first probe from an endpoint that fails for one vehicle only', () => {
    const lanes = filled('a1 b1 b2 b3');
    const waitMs = (failures: number) => 100 * 2 ** (failures - 1);
    let nowMs = 0;
    const delivered: string[] = [];
    let failures = 0;
    while (delivered.length < 3) {
      const next = takeLoading(lanes, nowMs);
      if (next === undefined) {
        nowMs = lanes.nextAtMs()!;
      } else if (next.vin === 'a') {
        failures++;
        fail(lanes, next, { waitMs, nowMs });
      } else {
        delivered.push(next.id);
        lanes.done(next, nowMs);
      }
    }
    expect([delivered, nowMs <= 200, failures <= 2]).toEqual([['b1', 'b2', 'b3'], true, true]);
  });

  it('leaves room for other vehicles beside one with a long backlog', () => {
    const lanes = new Lanes({ ...limits, records: 100, ids: 10_000 });
    let read = 0;
    for (; read < 5_000 && lanes.room > 0; read++) lanes.add(outstanding(`a${read}`), 0);
    expect([read, lanes.room]).toEqual([5_000, 50]);
    lanes.add(outstanding('b0'), 0);
    expect([lanes.take(0)?.id, lanes.take(0)?.id]).toEqual(['a0', 'b0']);
  });

  it('drops entries that are no longer in the log and continues with later ones', () => {
    const lanes = filled('a1 a2 a3');
    lanes.rejected(lanes.take(0)!, { waitMs: wait(10), nowMs: 0 });
    expect(lanes.take(10)).toBeUndefined();
    expect(lanes.toLoad()).toEqual([{ vin: 'a', ids: ['a1', 'a2', 'a3'] }]);
    lanes.add(outstanding('a4'), 10);
    lanes.loaded('a', [undefined, undefined, undefined], 10);
    expect([lanes.take(10)?.id, lanes.ids]).toEqual(['a4', 1]);
  });

  it('knows the first unsettled entry of a vehicle, dead letters aside', () => {
    const lanes = filled('a1 a2 b1');
    expect([lanes.firstOf('a'), lanes.firstOf('b'), lanes.firstOf('c')]).toEqual(['a1', 'b1', undefined]);
    lanes.done(lanes.take(0)!, 0);
    lanes.done(lanes.take(0)!, 0);
    expect([lanes.firstOf('a'), lanes.firstOf('b')]).toEqual(['a2', undefined]);
    lanes.add({ ...outstanding('b0'), deadLetter: '7-0' }, 0);
    expect(lanes.firstOf('b')).toBeUndefined();
  });

  it('delivers everything, each vehicle in order, for any outcomes', () => {
    const outcomes = fc.array(fc.constantFrom('done', 'rejected', 'away', 'not_loaded'), { maxLength: 200 });
    const arrivals = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(arrivals, outcomes, fc.integer(), (vins, answers, seed) => {
        const lanes = new Lanes({ ...limits, inFlight: 3, records: 5 });
        let nowMs = 0;
        let random = seed;
        const pick = (n: number) => {
          random = (random * 1_103_515_245 + 12_345) | 0;
          return Math.abs(random) % n;
        };
        const waitMs = (failures: number) => failures * 10;
        const delivered: string[] = [];
        const inFlight: Outstanding[] = [];
        const arriving = vins.map((vin, n) => outstanding(`${vin}${n}`));
        for (let step = 0; delivered.length < vins.length; step++) {
          if (step > 20_000) throw new Error('stuck');
          if (arriving.length > 0 && lanes.room > 0) lanes.add(arriving.shift()!, nowMs);
          const next = lanes.take(nowMs);
          if (next) inFlight.push(next);
          for (const { vin, ids } of lanes.toLoad()) {
            if (answers[0] === 'not_loaded') {
              answers.shift();
              lanes.notLoaded(vin, { waitMs: 1, nowMs });
            } else lanes.loaded(vin, ids.map(entry), nowMs);
          }
          expect(lanes.inFlight).toBe(inFlight.length);
          expect(new Set(inFlight.map(({ vin }) => vin)).size).toBe(inFlight.length);
          expect(lanes.records).toBeLessThanOrEqual(5 + 1);
          if (next && pick(2) === 0) continue;
          const [settled] = inFlight.splice(pick(Math.max(1, inFlight.length)), 1);
          if (settled === undefined) {
            nowMs += 1;
            continue;
          }
          const answer = answers.shift();
          if (answer === 'rejected') lanes.rejected(settled, { waitMs, nowMs });
          else if (answer === 'away') fail(lanes, settled, { waitMs, nowMs });
          else {
            delivered.push(settled.id);
            lanes.done(settled, nowMs);
          }
        }
        for (const vin of 'abcd') {
          const idsOf = (ids: string[]) => ids.filter((id) => id.startsWith(vin));
          expect(idsOf(delivered)).toEqual(idsOf(vins.map((name, n) => `${name}${n}`)));
        }
        expect([lanes.ids, lanes.records, lanes.bytes, lanes.inFlight, lanes.vehicles]).toEqual([0, 0, 0, 0, 0]);
      }),
    );
  });
});

function filled(ids: string): Lanes {
  const lanes = new Lanes(limits);
  for (const id of ids.split(' ')) lanes.add(outstanding(id), 0);
  return lanes;
}

/** Loads records at once, as the worker does. */
function takeLoading(lanes: Lanes, nowMs: number): Outstanding | undefined {
  for (;;) {
    const next = lanes.take(nowMs);
    const loads = next ? [] : lanes.toLoad();
    if (loads.length === 0) return next;
    for (const { vin, ids } of loads) lanes.loaded(vin, ids.map(entry), nowMs);
  }
}

/** A failure that is not counted as a rejection, as the worker handles it. */
function fail(lanes: Lanes, failed: Outstanding, { waitMs, nowMs }: { waitMs: WaitMs; nowMs: number }): void {
  const { isAlone } = lanes.attribute(failed);
  lanes.away(failed, { isAlone, waitMs, nowMs });
}

function outstanding(id: string): Outstanding {
  return { id, vin: id[0]!, entry: entry(id), rejections: 0 };
}

function entry(id: string): LogEntry {
  const payload = Buffer.from('abc');
  return { id, vin: id[0]!, topic: 'V', txid: id, createdMs: 1, receivedMs: 1, version: '', payload };
}
