import { X509Certificate } from 'node:crypto';
import { createAuthority } from '@fleetbridge/pki';
import { describe, expect, it } from 'vitest';
import { caExpiries, daysLeft, warnOfExpiries } from './certificate-expiry.js';

const DAY_MS = 86_400_000;
const nowMs = Date.now();
const authority = (commonName: string, days: number, madeMs = nowMs) =>
  new X509Certificate(createAuthority({ commonName, days, now: new Date(madeMs) }).certificatePem);

describe('the expiry of certificates', () => {
  it('is warned of from three weeks ahead and afterwards, but not earlier', () => {
    const lines: Record<string, unknown>[] = [];
    const log = { warn: (fields: Record<string, unknown>) => void lines.push(fields) };
    const expiresIn = (days: number) => ({
      certificate: `in ${days}`,
      notAfter: new Date(nowMs + days * DAY_MS),
      remedy: '',
    });
    warnOfExpiries([expiresIn(22), expiresIn(21), expiresIn(0.5), expiresIn(-1)], { log: log as never, nowMs });
    expect(lines.map(({ certificate, days_left: days }) => [certificate, days])).toEqual([
      ['in 21', 21],
      ['in 0.5', 0],
      ['in -1', -1],
    ]);
  });

  it('is listed for valid CAs only, the first to expire first', () => {
    const certificates = [authority('late', 100), authority('over', 10, nowMs - 20 * DAY_MS), authority('soon', 20)];
    const expiries = caExpiries({ certificates }, nowMs);
    expect(expiries.map(({ certificate }) => certificate)).toEqual(['CN=soon', 'CN=late']);
    expect(daysLeft(expiries[0], nowMs)).toBeCloseTo((expiries[0]!.notAfter.getTime() - nowMs) / DAY_MS, 5);
    expect(daysLeft(expiries[0], expiries[0]!.notAfter.getTime() + DAY_MS)).toBe(-1);
    expect(daysLeft(undefined, nowMs)).toBeNaN();
  });
});
