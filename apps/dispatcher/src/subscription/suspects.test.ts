// Lanes and suspects against simulated endpoints: who is held up, and what becomes a dead letter. Time is simulated.
import type { LogEntry } from '@fleetbridge/store';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backOffMs } from './back-off.js';
import type { LaneLimits, Outstanding } from './lane.js';
import { Lanes } from './lanes.js';
import { Suspects } from './suspects.js';

describe('Suspects', () => {
  it('count a failure only after answers to others, more of them the more suspects there are', () => {
    const suspects = new Suspects();
    const failures = (vin: string, times: number) =>
      Array.from({ length: times }, () => suspects.failed(vin).isCounted);
    const answer = (times: number) => {
      for (let n = 0; n < times; n++) suspects.answered('OK');
    };
    expect(failures('A', 3)).toEqual([false, false, false]);
    answer(2);
    expect(failures('A', 3)).toEqual([true, false, false]);
    expect(suspects.failed('A').isAlone).toBe(true);
    answer(2);
    // a second suspect: the proof starts again, and needs one answer more
    expect([...failures('B', 1), ...failures('A', 1)]).toEqual([false, false]);
    answer(2);
    expect([...failures('A', 1), ...failures('B', 1)]).toEqual([false, false]);
    answer(1);
    expect([...failures('A', 2), ...failures('B', 2)]).toEqual([true, false, true, false]);
  });

  it('forget a vehicle that is answered', () => {
    const suspects = new Suspects();
    suspects.failed('A');
    suspects.answered('A');
    expect(suspects.has('A')).toBe(false);
    for (let n = 0; n < 9; n++) suspects.answered('B');
    expect(suspects.failed('A')).toEqual({ isAlone: false, isCounted: false });
  });
});

describe('an endpoint that fails', () => {
  it('for one record: the others arrive at once, and the record is a dead letter', () => {
    const world = simulate({ vehicles: 3, records: 200, endpoint: ({ id }) => id !== 'A0' });
    expect(world.dead).toEqual(['A0']);
    expectAllOthers(world);
    // those of the first failures, before the others have been answered
    expect(world.suspendedMs).toBeLessThan(300);
  });

  it('for every record of one vehicle: the others arrive as if it were not there', () => {
    const world = simulate({ vehicles: 3, records: 300, endpoint: ({ vin }) => vin !== 'A' });
    const others = world.delivered.filter((id) => !id.startsWith('A'));
    expect([...others].sort()).toEqual(world.log.flatMap(({ id }) => (id.startsWith('A') ? [] : id)).sort());
    const late = world.log.filter(({ id, atMs }) => (world.deliveredAtMs.get(id) ?? 0) > atMs + 150);
    expect(late).toEqual([]);
    expect(world.dead.length).toBeGreaterThan(5);
    expect(world.dead).toEqual(world.dead.map((_, n) => `A${n}`));
    expect(world.suspendedMs).toBeLessThan(300);
  });

  it('for one record behind which thousands wait: another vehicle further on in the log is found', () => {
    const ahead = Array.from({ length: 5_000 }, (_, n) => ({ atMs: 0, id: `A${n}` }));
    const log = [...ahead, ...Array.from({ length: 300 }, (_, n) => ({ atMs: n * 10, id: `B${n}` }))];
    const world = simulate({ log, endpoint: ({ id }) => id !== 'A0' });
    expect(world.dead).toEqual(['A0']);
    expect(world.delivered).toHaveLength(5_299);
    expect(world.deliveredAtMs.get('B0')).toBeLessThan(100);
  });

  it('for the only vehicle that sends: nothing is given up, and delivery continues when it answers again', () => {
    const world = simulate({ vehicles: 1, records: 50, endpoint: ({ nowMs }) => nowMs > 20_000 });
    expect([world.dead, world.delivered.length]).toEqual([[], 50]);
  });

  it('for all, whether a vehicle fails before and after it or not: nothing else is given up', () => {
    const isAway = (nowMs: number) => nowMs > 500 && nowMs < 60_000;
    const world = simulate({ vehicles: 5, records: 100, endpoint: ({ nowMs }) => !isAway(nowMs) });
    expect([world.dead, world.delivered.length]).toEqual([[], 500]);
    const poisoned = simulate({
      vehicles: 5,
      records: 100,
      endpoint: ({ nowMs, id }) => id !== 'A3' && !isAway(nowMs),
    });
    expect(poisoned.delivered.length + poisoned.dead.length).toBe(500);
    expect(poisoned.dead).toEqual(['A3']);
  });

  it('at random, for a quarter, half or nine tenths of all records: nothing is given up', () => {
    for (const share of [0.25, 0.5, 0.9]) {
      for (const vehicles of [2, 20]) {
        const endpoint = ({ random }: Request) => random() >= share;
        const world = simulate({ vehicles, records: 40, endpoint, seed: vehicles });
        expect([share, vehicles, world.dead, world.delivered.length]).toEqual([share, vehicles, [], vehicles * 40]);
      }
    }
  });

  it('with more than one request per 20 ms: nothing is given up', () => {
    let lastMs = Number.NEGATIVE_INFINITY;
    const endpoint = ({ nowMs }: Request) => {
      if (nowMs - lastMs < 20) return false;
      lastMs = nowMs;
      return true;
    };
    const world = simulate({ vehicles: 20, records: 20, endpoint });
    expect([world.dead, world.delivered.length]).toEqual([[], 400]);
  });

  it('in turns, up and down: nothing is given up', () => {
    for (const periodMs of [10, 50, 300, 5_000]) {
      const endpoint = ({ nowMs }: Request) => Math.floor(nowMs / periodMs) % 2 === 0;
      const world = simulate({ vehicles: 4, records: 100, endpoint });
      expect([periodMs, world.dead, world.delivered.length]).toEqual([periodMs, [], 400]);
    }
  });

  it('for several records through restarts: each is a dead letter, and rejections are remembered', () => {
    const poison = ['A0', 'B1', 'B2', 'D7'];
    const world = simulate({
      vehicles: 6,
      records: 300,
      endpoint: ({ id }) => !poison.includes(id),
      restartsAtMs: [40, 200, 500],
    });
    expect([...world.dead].sort()).toEqual(poison);
    expectAllOthers(world);
  });

  it('for any records: every other vehicle arrives in order, and what fails becomes a dead letter', () => {
    const poisoned = fc.uniqueArray(fc.tuple(fc.constantFrom('A', 'B', 'C'), fc.nat(20)), { maxLength: 8 });
    fc.assert(
      fc.property(poisoned, fc.integer({ min: 1 }), fc.nat(1_000), (poison, seed, restart) => {
        const ids = new Set(poison.map(([vin, n]) => `${vin}${n}`));
        const endpoint = ({ id }: Request) => !ids.has(id);
        const world = simulate({ vehicles: 5, records: 400, endpoint, seed, restartsAtMs: [restart] });
        expect([...world.dead].sort()).toEqual([...ids].sort());
        expectAllOthers(world);
      }),
      { numRuns: 30 },
    );
  });
});

interface Request {
  vin: string;
  id: string;
  nowMs: number;
  random: () => number;
}

interface World {
  delivered: string[];
  deliveredAtMs: Map<string, number>;
  dead: string[];
  suspendedMs: number;
  log: readonly { atMs: number; id: string }[];
}

interface Simulation {
  vehicles?: number;
  /** Per vehicle, one every 10 ms. */
  records?: number;
  log?: { atMs: number; id: string }[];
  endpoint: (request: Request) => boolean;
  restartsAtMs?: number[];
  seed?: number;
}

const MAXIMUM_DELIVERIES = 5;
const limits: LaneLimits = { inFlight: 10, records: 100, bytes: 1_000_000, ids: 100_000 };

/** As the worker does it: one step per millisecond, or to the next event. Ends when all is delivered or dead. */
function simulate({ endpoint, restartsAtMs = [], seed = 1, ...given }: Simulation): World {
  const log = given.log ?? traffic(given.vehicles ?? 1, given.records ?? 1);
  const random = seeded(seed);
  const world: World = { delivered: [], deliveredAtMs: new Map(), dead: [], suspendedMs: 0, log };
  const settledIds = new Set<string>();
  const rejections = new Map<string, number>();
  const waitMs = (failures: number) => backOffMs(failures, { minimumSeconds: 0.01, maximumSeconds: 1 }, random);
  let lanes = new Lanes(limits);
  let inFlight: { sent: Outstanding; untilMs: number }[] = [];
  let next = 0;
  let nowMs = 0;
  const settle = (sent: Outstanding) => {
    if (endpoint({ vin: sent.vin, id: sent.id, nowMs, random })) {
      world.delivered.push(sent.id);
      world.deliveredAtMs.set(sent.id, nowMs);
      settledIds.add(sent.id);
      lanes.done(sent, nowMs);
      return;
    }
    const { isAlone, isCounted } = lanes.attribute(sent);
    if (!isCounted) return lanes.away(sent, { isAlone, waitMs, nowMs });
    rejections.set(sent.id, sent.rejections + 1);
    if (sent.rejections + 1 < MAXIMUM_DELIVERIES) return lanes.rejected(sent, { waitMs, nowMs, isAnswered: false });
    world.dead.push(sent.id);
    settledIds.add(sent.id);
    lanes.done(sent, nowMs, { isAnswered: false });
  };
  while (settledIds.size < log.length) {
    if (nowMs > 3_600_000) return world;
    if (nowMs >= (restartsAtMs[0] ?? Number.POSITIVE_INFINITY)) {
      restartsAtMs = restartsAtMs.slice(1);
      lanes = new Lanes(limits);
      inFlight = [];
      next = 0;
    }
    for (; next < log.length && log[next]!.atMs <= nowMs && lanes.room > 0; next++) {
      const { id } = log[next]!;
      if (settledIds.has(id)) continue;
      lanes.add({ id, vin: id[0]!, entry: entry(id), rejections: rejections.get(id) ?? 0 }, nowMs);
    }
    for (let isMore = true; isMore; ) {
      for (let sent = lanes.take(nowMs); sent !== undefined; sent = lanes.take(nowMs)) {
        inFlight.push({ sent, untilMs: nowMs + 1 + Math.floor(random() * 3) });
      }
      const loads = lanes.toLoad();
      for (const { vin, ids } of loads) lanes.loaded(vin, ids.map(entry), nowMs);
      isMore = loads.length > 0;
    }
    nowMs++;
    if (lanes.isSuspended) world.suspendedMs++;
    const landed = inFlight.filter(({ untilMs }) => untilMs <= nowMs);
    inFlight = inFlight.filter(({ untilMs }) => untilMs > nowMs);
    for (const { sent } of landed) settle(sent);
  }
  return world;
}

function traffic(vehicles: number, records: number): { atMs: number; id: string }[] {
  const vins = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'].slice(0, vehicles);
  return Array.from({ length: records }, (_, n) => vins.map((vin) => ({ atMs: n * 10, id: `${vin}${n}` }))).flat();
}

/** Everything that is not dead is delivered, each vehicle in order. */
function expectAllOthers({ delivered, dead, log }: World): void {
  for (const vin of new Set(log.map(({ id }) => id[0]!))) {
    const idsOf = (ids: readonly string[]) => ids.filter((id) => id.startsWith(vin));
    const expected = idsOf(log.map(({ id }) => id)).filter((id) => !dead.includes(id));
    expect(idsOf(delivered)).toEqual(expected);
  }
}

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function entry(id: string): LogEntry {
  const payload = Buffer.from('abc');
  return { id, vin: id[0]!, topic: 'V', txid: id, createdMs: 1, receivedMs: 1, version: '', payload };
}
