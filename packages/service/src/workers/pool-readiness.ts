// The readiness of a worker pool, merged from what its workers report.
import type { ReadinessCheck, ReadinessReport } from '../process/index.js';
import { HEARTBEAT_MS } from './worker-messages.js';

/** A worker that sends nothing for this long hangs. */
const SILENT_MS = 5 * HEARTBEAT_MS;

/** undefined: a worker that has exited and is not restarted yet. */
export type WorkerState =
  | { isReady: boolean; isAccepting: boolean; lastReceivedMs: number; report: ReadinessReport | undefined }
  | undefined;

/** Ready if every worker is. For a check of several workers the first failure is reported. */
export function readinessOfEvery(workers: readonly WorkerState[], nowMs: number): ReadinessReport {
  const checks: Record<string, ReadinessCheck> = { workers: { ready: true } };
  if (workers.some((worker) => !worker?.isReady)) checks.workers = { ready: false, reason: 'starting' };
  else if (workers.some((worker) => isSilent(worker, nowMs)))
    checks.workers = { ready: false, reason: 'worker_silent' };
  for (const worker of workers) {
    for (const [name, check] of Object.entries(worker?.report?.checks ?? {})) {
      if (checks[name]?.ready !== false) checks[name] = check;
    }
  }
  return summary(checks);
}

/** Ready if one worker is and connections can be handed over: another worker that starts takes nothing away. */
export function readinessOfOne(workers: readonly WorkerState[], nowMs: number): ReadinessReport {
  const responding = workers.filter((worker) => !isSilent(worker, nowMs));
  const best =
    responding.find((worker) => worker?.report?.ready) ?? workers.findLast((worker) => worker?.report !== undefined);
  const checks: Record<string, ReadinessCheck> = { ...best?.report?.checks, workers: { ready: true } };
  if (!workers.some((worker) => worker?.isAccepting)) checks.workers = { ready: false, reason: 'starting' };
  else if (!responding.some((worker) => worker?.isAccepting))
    checks.workers = { ready: false, reason: 'worker_silent' };
  return summary(checks);
}

function isSilent(worker: WorkerState, nowMs: number): boolean {
  return worker !== undefined && nowMs - worker.lastReceivedMs > SILENT_MS;
}

function summary(checks: Record<string, ReadinessCheck>): ReadinessReport {
  return { ready: Object.values(checks).every(({ ready }) => ready), checks };
}
