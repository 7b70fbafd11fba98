import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RateLimits, TokenBucket } from './rate-limits.js';

describe('TokenBucket', () => {
  it('gives all its tokens at once, then one each time that its share of the interval has passed', () => {
    const bucket = new TokenBucket({ records: 4, seconds: 2 }, 0);
    for (let n = 0; n < 3; n++) {
      bucket.take(0);
      expect(bucket.waitMs(0)).toBe(0);
    }
    bucket.take(0);
    expect(bucket.waitMs(0)).toBe(500);
    expect(bucket.waitMs(499)).toBe(1);
    expect(bucket.waitMs(500)).toBe(0);
  });

  it('has to pay its debt first', () => {
    const bucket = new TokenBucket({ records: 1, seconds: 1 }, 0);
    for (let n = 0; n < 5; n++) bucket.take(0);
    expect(bucket.waitMs(0)).toBe(5_000);
    expect(bucket.waitMs(3_000)).toBe(2_000);
    expect(bucket.waitMs(5_000)).toBe(0);
  });

  it('holds no more than its size, however long nobody came, and minds no clock that is set back', () => {
    const bucket = new TokenBucket({ records: 2, seconds: 1 }, 0);
    expect(bucket.isFull(1_000_000)).toBe(true);
    for (let n = 0; n < 2; n++) bucket.take(1_000_000);
    expect(bucket.waitMs(1_000_000)).toBe(500);
    expect(bucket.waitMs(0)).toBe(500);
    expect(bucket.waitMs(500)).toBe(0);
  });

  it('lets through what the limit says and no more, whatever the sender does, when it is waited for', () => {
    const pauses = fc.array(fc.nat(400), { minLength: 50, maxLength: 300 });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 3 }),
        pauses,
        (records, seconds, waits) => {
          const bucket = new TokenBucket({ records, seconds }, 0);
          let nowMs = 0;
          const taken = waits.map((wait) => {
            nowMs += Math.max(wait, bucket.waitMs(nowMs + wait) + wait);
            bucket.take(nowMs);
            return nowMs;
          });
          for (let from = 0; from < taken.length; from += 7) {
            const inOne = taken.filter((atMs) => atMs >= taken[from]! && atMs < taken[from]! + seconds * 1000).length;
            expect(inOne).toBeLessThanOrEqual(2 * records);
          }
          expect(taken.length).toBeLessThanOrEqual(records + (nowMs / (seconds * 1000)) * records + 1e-6);
        },
      ),
    );
  });
});

describe('RateLimits', () => {
  it('keeps a vehicle to its bucket across connections, and forgets it when it is full and gone', () => {
    const limits = new RateLimits({ records: 2, seconds: 1 });
    limits.bucketOf('A', 0).take(0);
    limits.bucketOf('A', 0).take(0);
    expect(limits.bucketOf('A', 0).waitMs(0)).toBe(500);
    limits.forgetFull(900, () => false);
    expect(limits.size).toBe(1);
    limits.forgetFull(1_000, () => true);
    expect(limits.size).toBe(1);
    limits.forgetFull(1_000, () => false);
    expect(limits.size).toBe(0);
  });
});
