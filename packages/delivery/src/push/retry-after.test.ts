import { describe, expect, it } from 'vitest';
import { retryAfterMs } from './retry-after.js';

const NOW = 'Wed, 21 Oct 2026 07:28:00 GMT';

describe('retryAfterMs', () => {
  it('understands seconds and dates, in each form of RFC 9110', () => {
    expect(retryAfterMs('0', NOW)).toBe(0);
    expect(retryAfterMs('7', undefined)).toBe(7_000);
    expect(retryAfterMs('Wed, 21 Oct 2026 07:28:30 GMT', NOW)).toBe(30_000);
    expect(retryAfterMs('Wednesday, 21-Oct-26 07:28:30 GMT', NOW)).toBe(30_000);
    expect(retryAfterMs('Wed Oct 21 07:28:30 2026', NOW)).toBe(30_000);
  });

  it('uses its own clock when the response has no date', () => {
    const inAMinute = retryAfterMs(new Date(Date.now() + 60_000).toUTCString(), undefined)!;
    expect(inAMinute).toBeGreaterThan(30_000);
    expect(inAMinute).toBeLessThanOrEqual(60_000);
  });

  it('limits absurd values to five minutes, and does not wait for a date in the past', () => {
    for (const absurd of ['86400', '9'.repeat(400), 'Fri, 31 Dec 9999 23:59:59 GMT']) {
      expect(retryAfterMs(absurd, NOW)).toBe(300_000);
    }
    expect(retryAfterMs('Thu, 01 Jan 1970 00:00:00 GMT', NOW)).toBe(0);
  });

  it('ignores anything else', () => {
    for (const other of [undefined, '', '-5', '1.5', 'soon', 'Wed, the 3rd', '1e9', '2026-10-21']) {
      expect(retryAfterMs(other, NOW)).toBeUndefined();
    }
  });
});
