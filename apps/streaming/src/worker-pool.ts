// The workers, as the process that holds the ports sees them: forked, given connections in turn, replaced when they die
// or when a reload asks for it. A new one serves before the old one is asked to end.
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
import type { PendingConnection } from './connection-handoff.js';
import type { Door, FromWorker, ToWorker } from './worker-link.js';

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 5_000;
/** A worker that was up for so long is healthy: its death starts the back-off from the beginning. */
const STEADY_MS = 30_000;
const RELOAD_LIMIT_MS = 60_000;

export interface WorkerPoolOptions {
  count: number;
  log: Pick<Logger, 'info' | 'warn' | 'error'>;
  /** A worker can take connections now. */
  onOpen: () => void;
}

interface Member {
  readonly worker: Worker;
  readonly startedMs: number;
  /** Takes connections. */
  isOpen: boolean;
  /** Its clients hear the present. */
  isPresent: boolean;
  /** Asked to end: its place is somebody else's. */
  isLeaving: boolean;
  report: ReadinessReport | undefined;
  /** On their way to it. */
  readonly handed: Map<number, PendingConnection>;
  readonly ended: Promise<void>;
}

export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  #members: Member[] = [];
  readonly #metrics = new WorkerMetrics();
  readonly #stopping = new AbortController();
  readonly #changes = new Condition();
  #numbers = 0;
  #turn = 0;
  #failures = 0;
  #reload: Promise<void> | undefined;
  #failStart: ((error: WorkerStartError) => void) | undefined;
  /** Workers that died and were replaced. */
  replaced = 0;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
  }

  /** Resolves when all workers serve. Throws WorkerStartError. */
  async start(): Promise<void> {
    const failed = new Promise<never>((_, reject) => {
      this.#failStart = reject;
    });
    // so that a start that can't succeed fails once, the others follow the first
    const first = this.#fork();
    await Promise.race([this.#changes.until(() => first.isPresent || this.#stopping.signal.aborted), failed]);
    this.#failStart = undefined;
    const others = Array.from({ length: this.#options.count - 1 }, () => this.#fork());
    await this.#changes.until(() => others.every(({ isPresent }) => isPresent) || this.#stopping.signal.aborted);
  }

  get pids(): number[] {
    return this.#members.flatMap(({ worker }) => worker.process.pid ?? []);
  }

  get open(): number {
    return this.#serving().length;
  }

  /** Sends it to a worker, in turn; false when none takes connections. */
  hand(door: Door, connection: PendingConnection): boolean {
    const serving = this.#serving();
    const member = serving[this.#turn++ % serving.length];
    if (member === undefined) return false;
    const id = ++this.#numbers;
    member.handed.set(id, connection);
    const message: ToWorker = { type: 'connection', door, id };
    // An error here is a worker that dies; its 'exit' gives back what it had not taken.
    member.worker.send(message, connection.socket, { keepOpen: true }, () => {});
    return true;
  }

  /** Ready when a worker is: a second one that starts does not take anything away. */
  report(): ReadinessReport {
    const serving = this.#members.filter(({ isLeaving }) => !isLeaving);
    const best = serving.find(({ report }) => report?.ready) ?? serving.findLast(({ report }) => report !== undefined);
    const checks: Record<string, ReadinessCheck> = { ...best?.report?.checks, workers: this.#workersCheck() };
    return { ready: Object.values(checks).every(({ ready }) => ready), checks };
  }

  /** Prometheus' text of all workers together, and of `own`. */
  metrics(own: MetricsAsJson): Promise<string> {
    return this.#metrics.text(own);
  }

  /** One after the other: a new worker serves, then the old one ends. A reload that is under way is enough. */
  reload(): Promise<void> {
    this.#reload ??= this.#replaceAll().finally(() => {
      this.#reload = undefined;
    });
    return this.#reload;
  }

  /** SIGTERM to all, SIGKILL to those that are left when the time is up. */
  async stop({ deadlineMs }: { deadlineMs: number }): Promise<void> {
    this.#stopping.abort();
    this.#changes.look();
    const until = performance.now() + deadlineMs;
    for (const { worker } of this.#members) worker.process.kill('SIGTERM');
    const limit = new AbortController();
    const late = delay(Math.max(0, until - performance.now()), undefined, { signal: limit.signal }).catch(() => {});
    await Promise.race([Promise.all(this.#members.map(({ ended }) => ended)), late]);
    limit.abort();
    for (const { worker } of this.#members) worker.process.kill('SIGKILL');
  }

  #serving(): Member[] {
    return this.#members.filter(({ isOpen, isLeaving }) => isOpen && !isLeaving);
  }

  #fork(): Member {
    const worker = cluster.fork();
    this.#metrics.follow(worker);
    const member: Member = {
      worker,
      startedMs: performance.now(),
      isOpen: false,
      isPresent: false,
      isLeaving: false,
      report: undefined,
      handed: new Map(),
      ended: new Promise((resolve) => worker.once('exit', () => resolve())),
    };
    this.#members.push(member);
    worker.on('message', (message: FromWorker) => this.#heard(member, message));
    // Also sent when a signal or a message could not be delivered; what counts is 'exit'.
    worker.on('error', () => {});
    worker.once('exit', (code, signal) => this.#ended(member, { code, signal }));
    return member;
  }

  #heard(member: Member, message: FromWorker): void {
    switch (message.type) {
      case 'taken':
        member.handed.get(message.id)?.accepted();
        member.handed.delete(message.id);
        break;
      case 'open':
        member.isOpen = true;
        this.#options.onOpen();
        break;
      case 'present':
        member.isPresent = true;
        break;
      case 'readiness':
        member.report = message.report;
        break;
    }
    this.#changes.look();
  }

  #ended(member: Member, { code, signal }: { code: number; signal: string | null }): void {
    this.#members = this.#members.filter((one) => one !== member);
    const handed = [...member.handed.values()];
    for (const connection of handed.reverse()) connection.giveBack();
    this.#changes.look();
    if (this.#stopping.signal.aborted) return;
    if (this.#failStart !== undefined) {
      this.#failStart(new WorkerStartError({ code, signal }));
      return;
    }
    if (handed.length > 0) this.#options.onOpen();
    if (member.isLeaving) return;
    this.#options.log.error({ worker_pid: member.worker.process.pid, code, signal }, 'worker_died');
    void this.#replace(member);
  }

  async #replace(dead: Member): Promise<void> {
    if (performance.now() - dead.startedMs >= STEADY_MS) this.#failures = 0;
    const pauseMs = this.#failures === 0 ? 0 : Math.min(FIRST_PAUSE_MS * 2 ** this.#failures, LONGEST_PAUSE_MS);
    this.#failures++;
    this.replaced++;
    await delay(pauseMs, undefined, { signal: this.#stopping.signal }).catch(() => {});
    if (this.#stopping.signal.aborted) return;
    const { worker } = this.#fork();
    this.#options.log.info({ worker_pid: worker.process.pid }, 'worker_started_again');
  }

  async #replaceAll(): Promise<void> {
    const { log } = this.#options;
    for (const old of [...this.#members]) {
      if (this.#stopping.signal.aborted || old.isLeaving) return;
      // It died before its turn, and its replacement has read the new files.
      if (!this.#members.includes(old)) continue;
      const next = this.#fork();
      // a new one that dies is no crash to be replaced: the old one is still there
      next.isLeaving = true;
      const limit = new AbortController();
      await Promise.race([
        this.#changes.until(() => next.isPresent || !this.#members.includes(next) || this.#stopping.signal.aborted),
        delay(RELOAD_LIMIT_MS, undefined, { signal: limit.signal }).catch(() => {}),
      ]);
      limit.abort();
      if (!next.isPresent) {
        log.error({ worker_pid: next.worker.process.pid }, 'reload_failed');
        next.worker.process.kill('SIGTERM');
        return;
      }
      next.isLeaving = false;
      old.isLeaving = true;
      this.#options.onOpen();
      await this.#changes.until(() => old.handed.size === 0 || this.#stopping.signal.aborted);
      old.worker.process.kill('SIGTERM');
      log.info({ worker_pid: next.worker.process.pid, replaced_pid: old.worker.process.pid }, 'worker_replaced');
    }
  }

  #workersCheck(): ReadinessCheck {
    if (this.#stopping.signal.aborted) return { ready: false, reason: 'stopping' };
    return this.open > 0 ? { ready: true } : { ready: false, reason: 'starting' };
  }
}
