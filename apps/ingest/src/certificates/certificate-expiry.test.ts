import { X509Certificate } from 'node:crypto';
import { createAuthority } from '@fleetbridge/pki';
import { describe, expect, it } from 'vitest';
import { caEndings, daysLeft, warnOfEndings } from './certificate-expiry.js';

const DAY_MS = 86_400_000;
const nowMs = Date.now();
const authority = (commonName: string, days: number, madeMs = nowMs) =>
  new X509Certificate(createAuthority({ commonName, days, now: new Date(madeMs) }).certificatePem);

describe('certificates that end', () => {
  it('are warned of from three weeks ahead, also when they have ended, and not before', () => {
    const lines: Record<string, unknown>[] = [];
    const log = { warn: (fields: Record<string, unknown>) => void lines.push(fields) };
    const ends = (days: number) => ({
      certificate: `in ${days}`,
      notAfter: new Date(nowMs + days * DAY_MS),
      remedy: '',
    });
    warnOfEndings([ends(22), ends(21), ends(0.5), ends(-1)], { log: log as never, nowMs });
    expect(lines.map(({ certificate, days_left: days }) => [certificate, days])).toEqual([
      ['in 21', 21],
      ['in 0.5', 0],
      ['in -1', -1],
    ]);
  });

  it('are, among CAs, those that are still good, the first end first', () => {
    const certificates = [authority('late', 100), authority('over', 10, nowMs - 20 * DAY_MS), authority('soon', 20)];
    const endings = caEndings({ certificates }, nowMs);
    expect(endings.map(({ certificate }) => certificate)).toEqual(['CN=soon', 'CN=late']);
    expect(daysLeft(endings[0], nowMs)).toBeCloseTo((endings[0]!.notAfter.getTime() - nowMs) / DAY_MS, 5);
    expect(daysLeft(endings[0], endings[0]!.notAfter.getTime() + DAY_MS)).toBe(-1);
    expect(daysLeft(undefined, nowMs)).toBeNaN();
  });
});
