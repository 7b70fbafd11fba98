import { describe, expect, it } from 'vitest';
import { type ClockHistory, type ClockReading, judgeClock } from './retention-clock.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const RETENTION_HOURS = 168;
const START_MS = Date.UTC(2026, 6, 14);

describe('judgeClock', () => {
  it('trusts a clock whose newest entry is old: the vehicles are asleep', () => {
    const { pass } = passes();
    for (let day = 0; day < 30; day++) expect(pass({ afterMs: DAY_MS, newestMs: START_MS })).toBeUndefined();
  });

  it.for([-8 * DAY_MS, -HOUR_MS, -61_000, 61_000, HOUR_MS, 8 * DAY_MS])(
    'does not trust a clock of Redis that differs by %i ms from that of the process',
    (differMs) => {
      const { pass } = passes();
      expect(pass()).toBeUndefined();
      expect(pass({ redisAheadMs: differMs })).toBe('clocks_differ');
      expect(pass()).toBeUndefined();
    },
  );

  it('allows for the differences of clocks set by NTP and for a slow answer', () => {
    const { pass } = passes();
    for (const redisAheadMs of [59_000, 0, -59_000, 0]) expect(pass({ redisAheadMs })).toBeUndefined();
    for (const answerMs of [300_000, 2, 300_000]) expect(pass({ answerMs })).toBeUndefined();
  });

  it.for([11_000, HOUR_MS, 8 * DAY_MS])('does not trust a clock that is %i ms behind the newest entry', (aheadMs) => {
    const { pass, nowMs } = passes();
    expect(pass()).toBeUndefined();
    const newestMs = nowMs() + aheadMs + 10_000;
    expect(pass({ newestMs })).toBe('log_ahead');
    expect(pass({ newestMs, afterMs: aheadMs })).toBeUndefined();
  });

  it.for([61_000, HOUR_MS, 8 * DAY_MS, 3_650 * DAY_MS])(
    'does not trust a clock of this machine that is %i ms ahead for 25 s, with or without new entries',
    (aheadMs) => {
      for (const hasEntries of [false, true]) {
        const { pass, nowMs, setClock } = passes();
        expect(pass()).toBeUndefined();
        setClock(aheadMs);
        const newestMs = hasEntries ? nowMs() : START_MS;
        for (let n = 0; n < 3; n++) expect(pass({ newestMs })).toBe('clock_jumped');
        setClock(0);
        expect(pass({ newestMs })).toBe(hasEntries ? 'log_ahead' : undefined);
      }
    },
  );

  it('trusts a clock that was set back, and one that is corrected afterwards', () => {
    const { pass, setClock } = passes();
    expect(pass()).toBeUndefined();
    setClock(-2 * HOUR_MS);
    expect(pass({ newestMs: START_MS })).toBe('log_ahead');
    setClock(0);
    expect(pass({ newestMs: START_MS })).toBeUndefined();
  });

  it('trusts a jump that has lasted for a day, or for the retention time if that is shorter', () => {
    for (const [retentionHours, doubtMs] of [
      [168, DAY_MS],
      [1, HOUR_MS],
    ] as const) {
      const { pass, setClock } = passes(retentionHours);
      expect(pass()).toBeUndefined();
      setClock(8 * DAY_MS);
      expect(pass()).toBe('clock_jumped');
      expect(pass({ afterMs: doubtMs - 1 })).toBe('clock_jumped');
      expect(pass({ afterMs: 1 })).toBeUndefined();
      expect(pass()).toBeUndefined();
    }
  });

  it('keeps a jump in mind while the clocks differ too', () => {
    const { pass, setClock } = passes();
    expect(pass()).toBeUndefined();
    setClock(8 * DAY_MS);
    expect(pass({ redisAheadMs: HOUR_MS })).toBe('clocks_differ');
    expect(pass()).toBe('clock_jumped');
  });

  it('does not trust a clock that jumped by more than the retention time before the process started', () => {
    const lastPassMs = START_MS - 8 * DAY_MS;
    const { pass } = passes(RETENTION_HOURS, lastPassMs);
    expect(pass()).toBe('clock_jumped');
    expect(pass({ afterMs: HOUR_MS })).toBe('clock_jumped');
    expect(pass({ afterMs: DAY_MS })).toBeUndefined();
  });

  it('trusts a clock after a shorter time without a process, and then notices smaller jumps', () => {
    const { pass, setClock } = passes(RETENTION_HOURS, START_MS - 6 * DAY_MS);
    expect(pass()).toBeUndefined();
    setClock(2 * 60_000);
    expect(pass()).toBe('clock_jumped');
  });
});

/** Passes of one process, 10 s apart by default. */
function passes(retentionHours = RETENTION_HOURS, lastPassMs?: number) {
  let history: ClockHistory | undefined;
  let steadyMs = 1_000;
  let setByMs = 0;
  const nowMs = () => START_MS + steadyMs + setByMs;
  return {
    nowMs,
    /** Of this machine, Redis included: by how much it is ahead of the true time. */
    setClock: (aheadMs: number) => {
      setByMs = aheadMs;
    },
    pass: ({
      afterMs = 10_000,
      redisAheadMs = 0,
      answerMs = 0,
      newestMs,
    }: {
      afterMs?: number;
      redisAheadMs?: number;
      answerMs?: number;
      newestMs?: number;
    } = {}) => {
      steadyMs += afterMs;
      const read = () => ({ wallMs: nowMs(), steadyMs });
      const before = read();
      steadyMs += answerMs;
      const redisMs = before.wallMs + answerMs / 2 + redisAheadMs;
      const reading: ClockReading = {
        redisMs,
        newestMs: newestMs ?? redisMs,
        lastPassMs,
        before,
        after: read(),
      };
      const verdict = judgeClock(reading, history, retentionHours);
      history = verdict.history;
      return verdict.fault;
    },
  };
}
