// Warns daily of a certificate that should have been renewed: after its expiry no vehicle can connect.
import type { CaBundle } from '@fleetbridge/pki';
import type { Logger } from '@fleetbridge/service';

const WARNING_DAYS = 21;
const DAY_MS = 86_400_000;

export interface Expiry {
  /** `server`, or the CA's subject. */
  certificate: string;
  notAfter: Date;
  /** From when on to warn; default: three weeks. */
  warningDays?: number;
  remedy: string;
}

/** The CAs that are still valid, the first to expire first. An expired CA is logged once, when it is loaded. */
export function caExpiries({ certificates }: Pick<CaBundle, 'certificates'>, nowMs: number): Expiry[] {
  return certificates
    .map(({ subject, validTo }) => ({
      certificate: subject.replaceAll('\n', ', '),
      notAfter: new Date(validTo),
      remedy: 'get a newer bundle of vehicle CAs; it is reloaded without a restart',
    }))
    .filter(({ notAfter }) => notAfter.getTime() > nowMs)
    .sort((one, other) => one.notAfter.getTime() - other.notAfter.getTime());
}

/** Fractions of days, negative after the expiry. NaN without a certificate. */
export function daysLeft(expiry: Pick<Expiry, 'notAfter'> | undefined, nowMs: number): number {
  return expiry === undefined ? Number.NaN : (expiry.notAfter.getTime() - nowMs) / DAY_MS;
}

export function warnOfExpiries(
  expiries: readonly Expiry[],
  { log, nowMs }: { log: Pick<Logger, 'warn'>; nowMs: number },
) {
  for (const { certificate, notAfter, warningDays = WARNING_DAYS, remedy } of expiries) {
    const days = daysLeft({ notAfter }, nowMs);
    if (days > warningDays) continue;
    log.warn({ certificate, not_after: notAfter, days_left: Math.floor(days), remedy }, 'certificate_expires_soon');
  }
}

/** Warns now and every day. Does not keep the process alive. */
export function watchExpiries(
  expiries: () => readonly Expiry[],
  { log, now }: { log: Pick<Logger, 'warn'>; now: () => number },
): { stop: () => void } {
  const warn = () => warnOfExpiries(expiries(), { log, nowMs: now() });
  warn();
  const timer = setInterval(warn, DAY_MS).unref();
  return { stop: () => clearInterval(timer) };
}
