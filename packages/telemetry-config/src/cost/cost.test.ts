import { describe, expect, it } from 'vitest';
import { costWarning, dollarsOf, forecastMonth, monthCost, monthDays, signalRate } from './index.js';

it('adds up the prices', () => {
  expect(dollarsOf({ signals: 300_000, requests: 500, commands: 1_000, wakes: 50 })).toBe(5);
});

it('counts an included field as a signal of each record, and has a floor from resends', () => {
  const fields = {
    Location: { interval_seconds: 1, include_fields: ['Gear'] },
    Soc: { interval_seconds: 60, resend_interval_seconds: 300 },
  };
  expect(signalRate(fields)).toEqual({ ceiling: 7_260, floor: 12 });
});

describe('monthCost', () => {
  const usage = {
    signals: new Map([
      ['VIN1', monthDays('2026-11-01').map((day) => ({ day, count: day < '2026-11-16' ? 30_000 : 0 }))],
    ]),
    calls: [{ day: '2026-11-15', requests: 500, commands: 1_000, wakes: 50 }],
    nowMs: Date.UTC(2026, 10, 16),
    rate: { ceiling: 3_000, floor: 1_500 },
  };

  it('adds signals and calls, and has a forecast between floor and ceiling', () => {
    const month = monthCost(usage);
    expect(month).toMatchObject({
      month: '2026-11',
      soFar: { signals: 450_000, requests: 500, commands: 1_000, wakes: 50 },
    });
    expect(month.dollars).toMatchObject({ soFar: 6, credit: 10, ceiling: 6 + (15 * 24 * 3_000) / 150_000 });
    expect(month.vehicles[0]?.expected).toBeCloseTo(900_000);
    expect(month.expected.signals).toBeCloseTo(900_000);
  });

  it('warns when the limit is reached, near, or will be exceeded', () => {
    const month = monthCost(usage);
    expect(costWarning(month, 6)).toMatch('is reached');
    expect(costWarning(month, 7)).toMatch('More than 80 %');
    expect(costWarning(month, 9)).toMatch('is expected to exceed US$9.00');
    expect(costWarning(month, 100)).toBeUndefined();
  });
});

describe('forecastMonth', () => {
  it('knows the length of months', () => {
    expect([monthDays('2028-02-10').length, monthDays('2026-12-31').at(-1)]).toEqual([29, '2026-12-31']);
  });

  it('is undefined on the first day', () => {
    expect(forecastMonth([{ day: '2026-11-01', count: 5 }], '2026-11-01')).toEqual({ soFar: 5, expected: undefined });
    expect(forecastMonth([], '2026-11-10')).toEqual({ soFar: 0, expected: undefined });
  });

  it('is exact for equal days, with a today that is unfinished', () => {
    const days = monthDays('2026-11-01').map((day) => ({ day, count: 100 }));
    const untilNow = [...days.slice(0, 9), { day: '2026-11-10', count: 30 }];
    expect(forecastMonth(untilNow, '2026-11-10').expected).toBeCloseTo(3_000);
    expect(forecastMonth(days, '2026-11-30')).toEqual({ soFar: 3_000, expected: 3_000 });
  });

  it('is within 10 % on day 10 of months of uneven days with a weekly pattern', () => {
    const byWeekday = [2_000, 9_000, 8_000, 9_500, 8_500, 12_000, 4_000];
    const random = mulberry32(1);
    const errors = Array.from({ length: 1_200 }, (_, index) => {
      const days = monthDays(`2026-${String((index % 12) + 1).padStart(2, '0')}-01`).map((day) => ({
        day,
        count: Math.round(byWeekday[new Date(day).getUTCDay()]! * (0.75 + 0.5 * random())),
      }));
      const total = days.reduce((sum, { count }) => sum + count, 0);
      const known = [...days.slice(0, 9), { ...days[9]!, count: days[9]!.count / 2 }];
      return Math.abs(forecastMonth(known, days[9]!.day).expected! / total - 1);
    });
    // each day differs by up to 25 % at random, which nothing can foresee: a few months end elsewhere
    expect(errors.filter((error) => error < 0.1).length / errors.length).toBeGreaterThan(0.95);
    expect(Math.max(...errors)).toBeLessThan(0.16);
  });

  it('counts days without records as 0', () => {
    const days = [
      { day: '2026-11-02', count: 700 },
      { day: '2026-11-09', count: 700 },
    ];
    expect(forecastMonth(days, '2026-11-16').expected).toBeGreaterThan(2_000);
    expect(forecastMonth(days, '2026-11-16').expected).toBeLessThan(3_600);
  });
});

function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
