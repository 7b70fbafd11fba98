import { expect, it } from 'vitest';
import { renewalDays } from './certificate-life.js';

it.each([
  [398, 21],
  [90, 21],
  [45, 15],
  [30, 10],
  [10, 10 / 3],
  [9, 4.5],
  [6, 3],
])('a certificate of %d days should be renewed with %d days left', (days, left) => {
  const notBefore = new Date('2026-01-01T00:00:00Z');
  const notAfter = new Date(notBefore.getTime() + days * 86_400_000);
  expect(renewalDays({ notBefore, notAfter })).toBeCloseTo(left, 6);
});
