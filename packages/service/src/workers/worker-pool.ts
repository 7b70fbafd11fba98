// The workers of a service: forked, monitored, restarted when they die, replaced on reload. They share the ports of
// node:cluster, or serve connections that the primary hands to them in turn (`addHandoff`). The first worker must become
// ready before the others start, so that a start that can't succeed fails once and not once per core.
import cluster, { type Worker } from 'node:cluster';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../log/index.js';
import type { MetricsAsJson } from '../metrics/index.js';
import { Condition, type ReadinessReport, withTimeout } from '../process/index.js';
import { ConnectionHandoff, type ConnectionHandoffOptions } from './connection-handoff.js';
import { readinessOfEvery, readinessOfOne } from './pool-readiness.js';
import { PoolWorker, type WorkerExit } from './pool-worker.js';
import { WorkerMetrics } from './worker-metrics.js';
import { WorkerStartError } from './worker-start-error.js';

/** The first restart is immediate, the second waits this long, each further one twice as long. */
const FIRST_BACK_OFF_MS = 100;
const MAX_BACK_OFF_MS = 5_000;
/** A worker that ran this long was healthy: its death resets the back-off. */
const STEADY_MS = 30_000;
/** Time limit of each step of a reload: the start of the new worker, the hand-off to the old one. */
const RELOAD_LIMIT_MS = 60_000;

export interface WorkerPoolOptions {
  count: number;
  /** Whether the service is ready when every worker is, or as soon as one is. */
  readyWhen: 'every' | 'one';
  log: Pick<Logger, 'info' | 'warn' | 'error'>;
  /** Arguments for the workers' Node, in addition to those of this process. */
  execArgv?: readonly string[];
  /** Default: a process of node:cluster. */
  fork?: () => Worker;
}

interface Slot {
  readonly number: number;
  /** undefined while a restart backs off. */
  worker: PoolWorker | undefined;
  /** Started by a reload; replaces the worker once it is ready. */
  successor: PoolWorker | undefined;
  failures: number;
}

export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #fork: () => Worker;
  readonly #slots: Slot[];
  /** Every process that runs, including those that a reload has replaced and that still drain. */
  readonly #running = new Set<PoolWorker>();
  readonly #handoffs: ConnectionHandoff[] = [];
  readonly #metrics = new WorkerMetrics();
  readonly #stopping = new AbortController();
  readonly #changes = new Condition();
  #turn = 0;
  #reload: Promise<void> | undefined;
  /** Set until the first worker is ready. */
  #failStart: ((error: WorkerStartError) => void) | undefined;
  /** Workers that died and were replaced. */
  replaced = 0;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    const { count, execArgv = [], fork = () => cluster.fork() } = options;
    if (execArgv.length > 0) cluster.setupPrimary({ execArgv: [...process.execArgv, ...execArgv] });
    this.#fork = fork;
    this.#slots = Array.from({ length: count }, (_, index) => ({
      number: index + 1,
      worker: undefined,
      successor: undefined,
      failures: 0,
    }));
  }

  /** A port of this process. Workers serve its connections under `name` (PrimaryChannel.acceptConnections). */
  addHandoff(name: string, options: Omit<ConnectionHandoffOptions, 'hand'>): ConnectionHandoff {
    const handoff = new ConnectionHandoff({
      ...options,
      hand: (connection) => {
        const accepting = this.#accepting();
        const worker = accepting[this.#turn++ % accepting.length];
        worker?.send(name, connection);
        return worker !== undefined;
      },
    });
    this.#handoffs.push(handoff);
    return handoff;
  }

  /** Resolves to the workers' ports when all are ready. Throws WorkerStartError; an AbortError if the pool is stopped. */
  async start(): Promise<Record<string, number>> {
    const [first, ...others] = this.#slots as [Slot, ...Slot[]];
    const failed = new Promise<never>((_, reject) => {
      this.#failStart = reject;
    });
    first.worker = this.#startWorker(first);
    await Promise.race([this.#until(() => first.worker?.isReady === true), failed]);
    this.#failStart = undefined;
    this.#stopping.signal.throwIfAborted();
    for (const slot of others) slot.worker = this.#startWorker(slot);
    await this.#until(() => this.ready === this.#slots.length);
    this.#stopping.signal.throwIfAborted();
    return first.worker?.ports ?? {};
  }

  /** Workers that are ready. */
  get ready(): number {
    return this.#slots.filter(({ worker }) => worker?.isReady).length;
  }

  /** Workers that accept connections. */
  get accepting(): number {
    return this.#accepting().length;
  }

  report(): ReadinessReport {
    const merge = this.#options.readyWhen === 'every' ? readinessOfEvery : readinessOfOne;
    const workers = this.#slots.map(({ worker }) => worker);
    const { ready, checks } = merge(workers, performance.now());
    if (!this.#stopping.signal.aborted) return { ready, checks };
    return { ready: false, checks: { ...checks, workers: { ready: false, reason: 'stopping' } } };
  }

  /** The metrics of all workers and the primary's `own`, to be read as text or as values. */
  metrics(own: MetricsAsJson): ReturnType<WorkerMetrics['merge']> {
    return this.#metrics.merge(own);
  }

  /** Replaces the workers one by one: the new one serves before the old one is asked to stop. Runs once at a time. */
  reload(): Promise<void> {
    this.#reload ??= this.#replaceAll().finally(() => {
      this.#reload = undefined;
    });
    return this.#reload;
  }

  /** SIGTERM to all workers, SIGKILL to those that still run at the deadline. */
  async stop({ deadlineMs }: { deadlineMs: number }): Promise<void> {
    this.#stopping.abort();
    this.#changes.check();
    for (const worker of this.#running) worker.terminate();
    const ended = this.#changes.until(() => this.#running.size === 0);
    await withTimeout(ended, deadlineMs, { onTimeout: () => {} });
    for (const worker of this.#running) worker.kill();
  }

  #accepting(): PoolWorker[] {
    return this.#slots.flatMap(({ worker }) => (worker?.isAccepting ? [worker] : []));
  }

  #until(condition: () => boolean): Promise<void> {
    return this.#changes.until(() => condition() || this.#stopping.signal.aborted);
  }

  #offerConnections(): void {
    for (const handoff of this.#handoffs) handoff.offer();
  }

  #startWorker(slot: Slot): PoolWorker {
    const process = this.#fork();
    this.#metrics.follow(process);
    const worker = new PoolWorker(process, {
      onMessage: ({ type }) => {
        if (type === 'accepting') this.#offerConnections();
        this.#changes.check();
      },
      onExit: (exit) => this.#exited(slot, worker, exit),
    });
    this.#running.add(worker);
    return worker;
  }

  #exited(slot: Slot, worker: PoolWorker, exit: WorkerExit): void {
    this.#running.delete(worker);
    if (slot.worker === worker) {
      // A reload's successor takes over early, ready or not.
      slot.worker = slot.successor;
      slot.successor = undefined;
      if (!this.#stopping.signal.aborted) this.#died(slot, worker, exit);
    } else if (slot.successor === worker) {
      slot.successor = undefined;
    }
    if (!this.#stopping.signal.aborted) this.#offerConnections();
    this.#changes.check();
  }

  #died(slot: Slot, worker: PoolWorker, exit: WorkerExit): void {
    if (this.#failStart !== undefined) {
      this.#failStart(new WorkerStartError(exit));
      return;
    }
    this.#options.log.error({ worker: slot.number, worker_pid: worker.pid, ...exit }, 'worker_died');
    this.replaced++;
    if (slot.worker === undefined) void this.#restart(slot, performance.now() - worker.startedMs);
  }

  async #restart(slot: Slot, ranMs: number): Promise<void> {
    if (ranMs >= STEADY_MS) slot.failures = 0;
    const backOffMs = slot.failures === 0 ? 0 : Math.min(FIRST_BACK_OFF_MS * 2 ** (slot.failures - 1), MAX_BACK_OFF_MS);
    slot.failures++;
    await delay(backOffMs, undefined, { signal: this.#stopping.signal }).catch(() => {});
    if (this.#stopping.signal.aborted) return;
    slot.worker = this.#startWorker(slot);
    this.#options.log.info({ worker: slot.number, worker_pid: slot.worker.pid }, 'worker_restarted');
  }

  async #replaceAll(): Promise<void> {
    for (const { slot, old } of this.#slots.map((slot) => ({ slot, old: slot.worker }))) {
      if (this.#stopping.signal.aborted) return;
      // A worker that has died since then: its replacement runs the new code and certificates already.
      if (old === undefined || slot.worker !== old) continue;
      if (!(await this.#replace(slot, old))) return;
    }
  }

  /** False if the successor did not become ready. The old worker continues to serve. */
  async #replace(slot: Slot, old: PoolWorker): Promise<boolean> {
    const { log } = this.#options;
    const next = this.#startWorker(slot);
    slot.successor = next;
    const outcome = this.#until(() => next.isReady || !this.#running.has(next));
    await withTimeout(outcome, RELOAD_LIMIT_MS, { onTimeout: () => {} });
    if (this.#stopping.signal.aborted) return false;
    if (!next.isReady) {
      log.error({ worker: slot.number, worker_pid: next.pid }, 'reload_failed');
      if (slot.successor === next) {
        slot.successor = undefined;
        next.terminate();
      }
      return false;
    }
    if (slot.successor === next) {
      slot.worker = next;
      slot.successor = undefined;
      this.#offerConnections();
      const accepted = this.#until(() => old.inFlight === 0).then(() => true);
      // A worker that accepts nothing for so long hangs. When it is killed, others get its connections.
      if (await withTimeout(accepted, RELOAD_LIMIT_MS, { onTimeout: () => false })) old.terminate();
      else old.kill();
    }
    log.info({ worker: slot.number, worker_pid: next.pid, replaced_pid: old.pid }, 'worker_replaced');
    return true;
  }
}
