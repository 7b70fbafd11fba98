import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recordTime, reportedMs } from './record-time.js';

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
      'the payload when the clock is further ahead, and reports it',
      received + 60_001,
      0,
      { ms: received + 60_001, isClockAhead: true, isOwn: false },
    ],
  ])('uses %s', (_, payloadMs, envelopeSeconds, expected) => {
    expect(recordTime(payloadMs, envelopeSeconds, received)).toEqual(expected);
  });
});

describe('reportedMs', () => {
  const receivedMs = 1_784_000_000_000;
  it.each([
    ['the time of a vehicle with a slow clock', -20_000, false, -20_000],
    ['the time of a record that was sent later', -600_000, false, -600_000],
    ['the receive time for a clock that is 1 ms ahead', 1, false, 0],
    ['the receive time for a clock that is 45 s ahead', 45_000, false, 0],
    ['the receive time for a clock that is 5 min ahead', 300_000, false, 0],
    ["the vehicle's time while the clock of the log is behind", 7_200_000, true, 7_200_000],
  ])('is %s', (_, createdMs, isLogClockBehind, expected) => {
    const entryId = `${receivedMs}-7`;
    expect(reportedMs(entryId, receivedMs + createdMs, isLogClockBehind) - receivedMs).toBe(expected);
  });

  it('never excludes a later record with a right clock, however far the earlier one was ahead or behind', () => {
    const record = fc.record({ atMs: fc.nat(1e9), skewMs: fc.integer({ min: -1e9, max: 1e9 }) });
    fc.assert(
      fc.property(record, fc.integer({ min: 1, max: 1e6 }), ({ atMs, skewMs }, laterMs) => {
        const before = reportedMs(`${atMs}-0`, atMs + skewMs, false);
        const after = reportedMs(`${atMs + laterMs}-0`, atMs + laterMs, false);
        expect(after).toBeGreaterThan(before);
      }),
    );
  });
});
