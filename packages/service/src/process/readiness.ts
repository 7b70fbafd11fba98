// Whether this process should receive work, per named check, so that page, probe and alert agree on the reason.

import type { Logger } from '../log/index.js';
import type { Metrics } from '../metrics/index.js';

export interface ReadinessCheck {
  ready: boolean;
  /** Why not, as a constant snake_case text. With `ready`: what has happened since the start. */
  reason?: string;
}

export interface ReadinessReport {
  ready: boolean;
  checks: Record<string, ReadinessCheck>;
}

export interface Readiness {
  /** Returns whether the check changed, for callers that log each change once. */
  set(name: string, check: ReadinessCheck): boolean;
  report(): ReadinessReport;
}

/** For a dependency that can become unreachable: sets its check and logs each change once. */
export function reportReachability(what: string, parts: { readiness: Readiness; log: Pick<Logger, 'info' | 'warn'> }) {
  return ({ isReachable, reason }: { isReachable: boolean; reason: string }): void => {
    parts.readiness.set(what, isReachable ? { ready: true } : { ready: false, reason: 'unreachable' });
    if (isReachable) parts.log.info({ reason }, `${what}_reachable`);
    else parts.log.warn({ reason }, `${what}_unreachable`);
  };
}

/**
 * For a Redis that was emptied or replaced: callbacks of watchLogIdentity. Not ready until everything of this process
 * follows the new log. Afterwards the reason stays, so that it can be seen what happened.
 */
export function reportReplacedLog(parts: { readiness: Readiness; log: Pick<Logger, 'info' | 'error' | 'warn'> }) {
  const set = (ready: boolean) => parts.readiness.set('log_identity', { ready, reason: 'log_replaced' });
  return {
    onReplaced: ({ before, now }: { before: string; now: string }): void => {
      set(false);
      const remedy = 'the records of the former log are gone; restore a backup if they are needed (docs/operations.md)';
      parts.log.error({ before, now, remedy }, 'log_replaced');
    },
    onFailure: (err: unknown): void => parts.log.warn({ err }, 'log_restart_failed'),
    onRestarted: (): void => {
      set(true);
      parts.log.info({}, 'log_restarted');
    },
  };
}

/** The overall readiness as a gauge. Of several workers the worst one decides. */
export function measureReadiness({ gauge }: Pick<Metrics, 'gauge'>, readiness: Pick<Readiness, 'report'>): void {
  gauge({
    name: 'fleetbridge_ready',
    help: 'Whether the process should receive work, 1 or 0; /readyz lists the failed checks.',
    aggregator: 'min',
    collect() {
      this.set(Number(readiness.report().ready));
    },
  });
}

/**
 * Ready when every check is. `checks` fail until they are set: otherwise a process would be ready between its first and
 * second successful check. Not ready once `signal` (of runApp) is aborted.
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
      // No checks yet means not ready.
      const ready = all.size > 0 && [...all.values()].every((check) => check.ready);
      return { ready, checks: Object.fromEntries(all) };
    },
  };
}
