// Certificates end on a known day, and then no vehicle can connect: the log says so three weeks ahead and every day.
import type { CaBundle } from '@fleetbridge/pki';
import type { Logger } from '@fleetbridge/service';

export const WARNING_DAYS = 21;
const DAY_MS = 86_400_000;

export interface Ending {
  /** `server`, or the CA's subject. */
  certificate: string;
  notAfter: Date;
  remedy: string;
}

/** Those CAs that are still good, by the time of their end. One that has ended already is told once, at the start. */
export function caEndings({ certificates }: Pick<CaBundle, 'certificates'>, nowMs: number): Ending[] {
  return certificates
    .map(({ subject, validTo }) => ({
      certificate: subject.replaceAll('\n', ', '),
      notAfter: new Date(validTo),
      remedy: 'get a newer bundle of vehicle CAs; it is taken without a restart',
    }))
    .filter(({ notAfter }) => notAfter.getTime() > nowMs)
    .sort((one, other) => one.notAfter.getTime() - other.notAfter.getTime());
}

/** Fractions of days; negative when it is over, NaN when there is none. */
export function daysLeft(ending: Pick<Ending, 'notAfter'> | undefined, nowMs: number): number {
  return ending === undefined ? Number.NaN : (ending.notAfter.getTime() - nowMs) / DAY_MS;
}

export function warnOfEndings(
  endings: readonly Ending[],
  { log, nowMs }: { log: Pick<Logger, 'warn'>; nowMs: number },
) {
  for (const { certificate, notAfter, remedy } of endings) {
    const days = daysLeft({ notAfter }, nowMs);
    if (days > WARNING_DAYS) continue;
    log.warn({ certificate, not_after: notAfter, days_left: Math.floor(days), remedy }, 'certificate_ends_soon');
  }
}

/** Warns now and every day, of whatever `endings` gives then. Does not keep the process alive. */
export function watchEndings(
  endings: () => readonly Ending[],
  { log, now }: { log: Pick<Logger, 'warn'>; now: () => number },
): { stop: () => void } {
  const warn = () => warnOfEndings(endings(), { log, nowMs: now() });
  warn();
  const timer = setInterval(warn, DAY_MS).unref();
  return { stop: () => clearInterval(timer) };
}
