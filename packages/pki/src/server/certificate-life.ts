// When a certificate should have been renewed, judged by its own lifetime: ACME clients renew a certificate of 90 days with
// 30 left, one of 45 days with 15 left, and one of 6 days with 3 left.
const DAY_MS = 86_400_000;
const USUAL_DAYS = 21;
const SHORT_LIFE_DAYS = 10;

export interface Lifetime {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** Days before its expiry: three weeks, at most a third of its lifetime, or half of one below ten days. */
export function renewalDays({ notBefore, notAfter }: Lifetime): number {
  const days = (notAfter.getTime() - notBefore.getTime()) / DAY_MS;
  return Math.min(USUAL_DAYS, days < SHORT_LIFE_DAYS ? days / 2 : days / 3);
}
