import { describe, expect, it } from 'vitest';
import { recordsText, stateText } from './state-text.js';

const nowMs = new Date(2026, 10, 24, 20, 30).getTime();
const error = 'connect ECONNREFUSED 127.0.0.1:1883';
const away = { error, sinceMs: new Date(2026, 10, 24, 20, 11).getTime(), nextTryMs: nowMs + 11_400 };
const lag = (partition: number, suspension?: typeof away) => ({ partition, holder: 'one', suspension });
const stateOf = (lags: ReturnType<typeof lag>[], facts = {}) =>
  stateText({ stored: { paused: undefined }, mistakes: [], lags, nowMs, ...facts });

describe('stateText', () => {
  it('names the cause, the begin and the next try of an endpoint that is away', () => {
    expect(stateOf([lag(0, away)])).toBe(`away (${error}, since 20:11, next try in 12 s)`);
    expect(stateOf([lag(0), lag(1, away)])).toContain('away in 1 of 2 partitions (');
    const yesterday = { ...away, sinceMs: away.sinceMs - 86_400_000, nextTryMs: nowMs - 1 };
    expect(stateOf([lag(0, yesterday)])).toContain('since 2026-11-23 20:11, trying now');
  });

  it('puts what an operator did and mistakes first', () => {
    expect(stateOf([lag(0, away)], { stored: { paused: 'operator' } })).toBe('paused');
    expect(stateOf([lag(0, away)], { mistakes: ['x'] })).toBe('unusable');
  });

  it('does not call a subscription delivering without a dispatcher', () => {
    expect(stateOf([lag(0)])).toBe('delivering');
    expect(stateOf([{ ...lag(0), holder: undefined as unknown as string }])).toBe('no dispatcher');
  });
});

it('recordsText adds the partitions', () => {
  expect(
    recordsText([
      { records: 2, isAtLeast: false },
      { records: 1_000, isAtLeast: true },
    ]),
  ).toBe('at least 1002');
});
