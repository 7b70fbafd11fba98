// The primary's view of its workers: each is started, heard, replaced when it dies, and asked to stop. The first one has
// to become ready before the others are started, so that a start that can't succeed fails once and not once a core.
import cluster, { type Worker } from 'node:cluster';
import { setTimeout as delay } from 'node:timers/promises';
import {
  Condition,
  type Logger,
  type MetricsAsJson,
  type ReadinessCheck,
  type ReadinessReport,
  WorkerMetrics,
  WorkerStartError,
} from '@fleetbridge/service';
import { SIGN_OF_LIFE_MS, type WorkerMessage } from './worker-link.js';

/** Without a sign of life for so long a worker hangs; its vehicles find that out by themselves. */
const SILENT_MS = 5 * SIGN_OF_LIFE_MS;
/** Under load nearly all garbage is young: below this size V8 begins no collection of the old space (megabytes). */
const OLD_SPACE = '--initial-old-space-size=64';
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;
/** A worker that was up for so long is healthy: its death starts the back-off from the beginning. */
const STEADY_MS = 30_000;

export interface WorkerPoolOptions {
  count: number;
  log: Pick<Logger, 'info' | 'warn' | 'error'>;
}

/** One of the `count` places, and the process that has it now. */
interface Place {
  readonly number: number;
  worker: Worker | undefined;
  startedMs: number;
  isReady: boolean;
  heardMs: number;
  report: ReadinessReport | undefined;
  failures: number;
}

export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #places: Place[];
  readonly #metrics = new WorkerMetrics();
  readonly #stopping = new AbortController();
  /** Workers that died and were replaced. */
  replaced = 0;
  #ports: Record<string, number> = {};
  readonly #turn = new Condition();
  /** Ends the start; only until the first worker is ready. */
  #giveUp: ((error: WorkerStartError) => void) | undefined;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    cluster.setupPrimary({ execArgv: [...process.execArgv, OLD_SPACE] });
    this.#places = Array.from({ length: options.count }, (_, index) => ({
      number: index + 1,
      worker: undefined,
      startedMs: 0,
      isReady: false,
      heardMs: 0,
      report: undefined,
      failures: 0,
    }));
  }

  /** Resolves to the workers' ports when all are ready. Throws WorkerStartError. */
  async start(): Promise<Record<string, number>> {
    const [first, ...others] = this.#places;
    const failed = new Promise<never>((_, reject) => {
      this.#giveUp = reject;
    });
    this.#fork(first!);
    await Promise.race([this.#turn.until(() => first!.isReady), failed]);
    this.#giveUp = undefined;
    for (const place of others) this.#fork(place);
    await this.#turn.until(() => this.readyWorkers === this.#places.length);
    return this.#ports;
  }

  get readyWorkers(): number {
    return this.#places.filter(({ isReady }) => isReady).length;
  }

  get pids(): number[] {
    return this.#places.flatMap(({ worker }) => worker?.process.pid ?? []);
  }

  /** Ready when every worker is. A check of several workers shows the first that is not well. */
  report(): ReadinessReport {
    const checks: Record<string, ReadinessCheck> = { workers: this.#workersCheck() };
    for (const { report } of this.#places) {
      for (const [name, check] of Object.entries(report?.checks ?? {})) {
        if (checks[name]?.ready !== false) checks[name] = check;
      }
    }
    return { ready: Object.values(checks).every(({ ready }) => ready), checks };
  }

  /** Prometheus' text of all workers together, and of `own`. */
  metrics(own: MetricsAsJson): Promise<string> {
    return this.#metrics.text(own);
  }

  /** SIGTERM to all, SIGKILL to those that are left when the time is up. */
  async stop({ deadlineMs }: { deadlineMs: number }): Promise<void> {
    this.#stopping.abort();
    const until = performance.now() + deadlineMs;
    for (const { worker } of this.#places) worker?.process.kill('SIGTERM');
    while (this.pids.length > 0 && performance.now() < until) await delay(10);
    for (const { worker } of this.#places) worker?.process.kill('SIGKILL');
  }

  #fork(place: Place): void {
    const worker = cluster.fork();
    this.#metrics.follow(worker);
    Object.assign(place, { worker, startedMs: performance.now(), heardMs: performance.now() });
    worker.on('message', (message: WorkerMessage) => this.#heard(place, message));
    // Also sent when a signal or a message could not be delivered; what counts is 'exit'.
    worker.on('error', () => {});
    worker.once('exit', (code, signal) => this.#ended(place, { code, signal }));
  }

  #heard(place: Place, message: WorkerMessage): void {
    place.heardMs = performance.now();
    if (message.type === 'readiness') place.report = message.report;
    if (message.type === 'ready') {
      place.isReady = true;
      this.#ports = message.ports ?? {};
      this.#turn.look();
    }
  }

  #ended(place: Place, { code, signal }: { code: number; signal: string }): void {
    const pid = place.worker?.process.pid;
    Object.assign(place, { worker: undefined, isReady: false, report: undefined });
    if (this.#stopping.signal.aborted) return;
    if (this.#giveUp === undefined) {
      this.#options.log.warn({ worker: place.number, worker_pid: pid, code, signal }, 'worker_died');
      void this.#replace(place);
    } else {
      this.#giveUp(new WorkerStartError({ code, signal }));
    }
  }

  async #replace(place: Place): Promise<void> {
    if (performance.now() - place.startedMs >= STEADY_MS) place.failures = 0;
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** place.failures, LONGEST_PAUSE_MS);
    place.failures++;
    this.replaced++;
    await delay(pauseMs, undefined, { signal: this.#stopping.signal }).catch(() => {});
    if (this.#stopping.signal.aborted) return;
    this.#fork(place);
    this.#options.log.info({ worker: place.number, worker_pid: place.worker?.process.pid }, 'worker_started_again');
  }

  #workersCheck(): ReadinessCheck {
    if (this.#stopping.signal.aborted) return { ready: false, reason: 'stopping' };
    if (this.#places.some(({ isReady }) => !isReady)) return { ready: false, reason: 'starting' };
    const nowMs = performance.now();
    const isSilent = this.#places.some(({ heardMs }) => nowMs - heardMs > SILENT_MS);
    return isSilent ? { ready: false, reason: 'worker_silent' } : { ready: true };
  }
}
