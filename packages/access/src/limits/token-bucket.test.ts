import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TokenBucket } from './token-bucket.js';

describe('TokenBucket', () => {
  it('gives all its tokens at once, then one per interval', () => {
    const bucket = new TokenBucket({ capacity: 4, perSecond: 2 });
    for (let n = 0; n < 3; n++) {
      bucket.take(0);
      expect(bucket.waitMs(0)).toBe(0);
    }
    bucket.take(0);
    expect(bucket.waitMs(0)).toBe(500);
    expect(bucket.waitMs(499)).toBe(1);
    expect(bucket.waitMs(500)).toBe(0);
  });

  it('refills debt before it gives tokens again', () => {
    const bucket = new TokenBucket({ capacity: 1, perSecond: 1 });
    for (let n = 0; n < 5; n++) bucket.take(0);
    expect(bucket.waitMs(0)).toBe(5_000);
    expect(bucket.waitMs(3_000)).toBe(2_000);
    expect(bucket.waitMs(5_000)).toBe(0);
  });

  it('holds at most its capacity, and ignores a clock that is set back', () => {
    const bucket = new TokenBucket({ capacity: 2, perSecond: 2 });
    expect(bucket.isFull(1_000_000)).toBe(true);
    for (let n = 0; n < 2; n++) bucket.take(1_000_000);
    expect(bucket.waitMs(1_000_000)).toBe(500);
    expect(bucket.waitMs(0)).toBe(500);
    expect(bucket.waitMs(500)).toBe(0);
  });

  it('never exceeds its rate when senders wait for tokens', () => {
    const pauses = fc.array(fc.nat(400), { minLength: 50, maxLength: 300 });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 3 }),
        pauses,
        (records, seconds, waits) => {
          const bucket = new TokenBucket({ capacity: records, perSecond: records / seconds });
          let nowMs = 0;
          const acceptedMs = waits.map((wait) => {
            nowMs += Math.max(wait, bucket.waitMs(nowMs + wait) + wait);
            bucket.take(nowMs);
            return nowMs;
          });
          for (let from = 0; from < acceptedMs.length; from += 7) {
            const inOne = acceptedMs.filter(
              (atMs) => atMs >= acceptedMs[from]! && atMs < acceptedMs[from]! + seconds * 1000,
            ).length;
            expect(inOne).toBeLessThanOrEqual(2 * records);
          }
          expect(acceptedMs.length).toBeLessThanOrEqual(records + (nowMs / (seconds * 1000)) * records + 1e-6);
        },
      ),
    );
  });

  it('takes many tokens at once, as debt if necessary', () => {
    const bucket = new TokenBucket({ capacity: 100, perSecond: 10 });
    bucket.take(0, Number.POSITIVE_INFINITY, 250);
    expect([bucket.level(0), bucket.waitMs(0)]).toEqual([-150, 15_100]);
  });

  it('limits its debt, takes tokens back up to its capacity, and reports its level', () => {
    const bucket = new TokenBucket({ capacity: 2, perSecond: 0 });
    for (let n = 0; n < 5; n++) bucket.take(0, 1);
    expect(bucket.level(1_000)).toBe(-1);
    expect(bucket.waitMs(1_000)).toBe(Number.POSITIVE_INFINITY);
    for (let n = 0; n < 5; n++) bucket.giveBack(1_000);
    expect(bucket.level(1_000)).toBe(2);
    expect(bucket.isFull(1_000)).toBe(true);
  });
});
