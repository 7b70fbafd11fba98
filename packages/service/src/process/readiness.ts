// Whether this process should get work, by named cause, so that page, probe and alert agree on the reason.

import type { Metrics } from '../metrics/index.js';
import type { Logger } from './log.js';

export interface ReadinessCheck {
  ready: boolean;
  /** Why not (or an explanation), a constant snake_case text. */
  reason?: string;
}

export interface ReadinessReport {
  ready: boolean;
  checks: Record<string, ReadinessCheck>;
}

export interface Readiness {
  /** Returns whether that changed anything, for callers that log a change once. */
  set(name: string, check: ReadinessCheck): boolean;
  report(): ReadinessReport;
}

/** For something that this process needs and that comes and goes: sets its check, and logs each change once. */
export function reportReachability(what: string, parts: { readiness: Readiness; log: Pick<Logger, 'info' | 'warn'> }) {
  return ({ isReachable, reason }: { isReachable: boolean; reason: string }): void => {
    parts.readiness.set(what, isReachable ? { ready: true } : { ready: false, reason: 'unreachable' });
    if (isReachable) parts.log.info({ reason }, `${what}_reachable`);
    else parts.log.warn({ reason }, `${what}_unreachable`);
  };
}

/** The report's sum as a gauge; of several workers the one that is worst off counts. */
export function measureReadiness({ gauge }: Pick<Metrics, 'gauge'>, readiness: Pick<Readiness, 'report'>): void {
  gauge({
    name: 'fleetbridge_ready',
    help: 'Whether the process should get work, 1 or 0; /readyz says what is missing.',
    aggregator: 'min',
    collect() {
      this.set(Number(readiness.report().ready));
    },
  });
}

/**
 * Ready when every check is. `checks` are those that must be heard of first: without them a process would count as
 * ready between the first good news and the second. Once `signal` is aborted (runApp's), nothing is ready any more.
 */
export function createReadiness({
  checks = [],
  signal,
}: {
  checks?: readonly string[];
  signal?: AbortSignal;
} = {}): Readiness {
  const known = new Map<string, ReadinessCheck>(checks.map((name) => [name, { ready: false, reason: 'starting' }]));
  return {
    set(name, check) {
      const before = known.get(name);
      known.set(name, { ...check });
      return before?.ready !== check.ready || before.reason !== check.reason;
    },
    report() {
      const all = new Map(known);
      if (signal?.aborted) all.set('process', { ready: false, reason: 'stopping' });
      // Nothing known is not good news.
      const ready = all.size > 0 && [...all.values()].every((check) => check.ready);
      return { ready, checks: Object.fromEntries(all) };
    },
  };
}
