import { describe, expect, it } from 'vitest';
import { recordTime } from './record-time.js';

describe('recordTime', () => {
  const received = 1_784_000_000_000;
  it.each([
    ['the payload', 1_783_999_999_250, 1_783_999_000, { ms: 1_783_999_999_250, isClockAhead: false, isOwn: true }],
    [
      'the envelope without a payload time',
      0,
      1_783_999_000,
      { ms: 1_783_999_000_000, isClockAhead: false, isOwn: false },
    ],
    [
      'the envelope when the payload is before 2015',
      1_000,
      1_783_999_000,
      { ms: 1_783_999_000_000, isClockAhead: false, isOwn: false },
    ],
    ['receipt when neither is sane', 0, 5, { ms: received, isClockAhead: false, isOwn: false }],
    ['a clock 60 s ahead', received + 60_000, 0, { ms: received + 60_000, isClockAhead: false, isOwn: true }],
    [
      'receipt when the clock is further ahead',
      received + 60_001,
      0,
      { ms: received, isClockAhead: true, isOwn: false },
    ],
  ])('uses %s', (_, payloadMs, envelopeSeconds, expected) => {
    expect(recordTime(payloadMs, envelopeSeconds, received)).toEqual(expected);
  });
});
