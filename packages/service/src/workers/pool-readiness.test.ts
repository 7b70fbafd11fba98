import { describe, expect, it } from 'vitest';
import { readinessOfEvery, readinessOfOne, type WorkerState } from './pool-readiness.js';

const NOW = 100_000;
const ok = { ready: true };
const failed = { ready: false, reason: 'unreachable' };

function worker(state: Partial<NonNullable<WorkerState>> = {}): WorkerState {
  const report = { ready: true, checks: { redis: ok } };
  return { isReady: true, isAccepting: true, lastReceivedMs: NOW, report, ...state };
}
const unready = { report: { ready: false, checks: { redis: failed } } };

describe('readinessOfEvery', () => {
  it('is ready when every worker is', () => {
    expect(readinessOfEvery([worker(), worker()], NOW)).toEqual({ ready: true, checks: { workers: ok, redis: ok } });
  });

  it('reports the failed check of one worker', () => {
    const report = readinessOfEvery([worker(), worker(unready), worker()], NOW);
    expect(report).toEqual({ ready: false, checks: { workers: ok, redis: failed } });
  });

  it('is not ready while a worker starts, restarts or is silent', () => {
    const checks = [worker({ isReady: false }), undefined, worker({ lastReceivedMs: NOW - 10_001 })].map(
      (state) => readinessOfEvery([worker(), state], NOW).checks.workers,
    );
    expect(checks).toEqual([
      { ready: false, reason: 'starting' },
      { ready: false, reason: 'starting' },
      { ready: false, reason: 'worker_silent' },
    ]);
  });
});

describe('readinessOfOne', () => {
  it('is ready when one worker is', () => {
    const report = readinessOfOne([undefined, worker(unready), worker()], NOW);
    expect(report).toEqual({ ready: true, checks: { workers: ok, redis: ok } });
  });

  it('reports the failed check when no worker is ready', () => {
    expect(readinessOfOne([worker(unready)], NOW)).toEqual({ ready: false, checks: { workers: ok, redis: failed } });
  });

  it('is not ready while no worker accepts connections', () => {
    const report = readinessOfOne([worker({ isAccepting: false }), undefined], NOW);
    expect(report.checks.workers).toEqual({ ready: false, reason: 'starting' });
  });

  it('is not ready when every accepting worker is silent', () => {
    const silent = worker({ lastReceivedMs: NOW - 10_001 });
    expect(readinessOfOne([silent], NOW).checks.workers).toEqual({ ready: false, reason: 'worker_silent' });
    expect(readinessOfOne([silent, worker()], NOW).ready).toBe(true);
  });
});
