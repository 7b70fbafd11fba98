// One supervised child process: started, awaited until it reports that it is ready, restarted when it exits, stopped
// gracefully or killed. It runs in its own process group, so the terminal's Ctrl-C does not reach it, and its own children
// can be killed with it.
import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { withTimeout } from '@fleetbridge/service';
import { bindListeningSockets, type ListeningSockets, type PortSpec } from './listening-sockets.js';

/** After a child has exited, the remaining processes of its group (workers, a server) have this long to exit. */
const LEFTOVER_MS = 5_000;
const LEFTOVER_POLL_MS = 20;
/** After this uptime a child counts as healthy, and its next exit resets the back-off. */
const STEADY_MS = 30_000;
/** The child enforces the same time limit itself; the extra time lets it report that and exit. */
const GRACE_MS = 1_000;
/** The last output of a child can arrive after its exit event. */
const LAST_OUTPUT_MS = 300;

export interface ChildSpec {
  readonly name: string;
  /** The script for node and its arguments. */
  readonly args: readonly string[];
  readonly env: Readonly<NodeJS.ProcessEnv>;
  /** The time limit until it reports that it is ready. */
  readonly readySeconds: number;
  /** Ports that stay open while it is restarted. It binds one itself only if the supervisor can't. */
  readonly ports?: readonly PortSpec[];
}

export interface ChildOutput {
  write(chunk: Buffer, source: 'stdout' | 'stderr'): void;
  /** The first start has succeeded; stderr no longer explains a failed start. */
  ready(): void;
  /** The text on stderr up to then. */
  startErrors(): string;
}

export interface SupervisedChildOptions {
  readonly spec: ChildSpec;
  readonly output: ChildOutput;
  readonly shutdownSeconds: number;
  readonly backoffMs: (failures: number) => number;
  /** Prints one line on the terminal. */
  readonly print: (line: string) => void;
}

/** The first start of a child failed. `exitCode` is the exit code for the supervisor's process. */
export class ChildStartError extends Error {
  override readonly name = 'ChildStartError';
  readonly child: string;
  readonly exitCode: 1 | 2;

  constructor(message: string, facts: { child: string; exitCode: 1 | 2 }) {
    super(message);
    this.child = facts.child;
    this.exitCode = facts.exitCode;
  }
}

interface End {
  code: number | null;
  signal: NodeJS.Signals | null;
}

interface Run {
  readonly process: ChildProcess;
  readonly startedMs: number;
  readonly ready: Promise<void>;
  readonly ended: Promise<End>;
  /** Resolves when its output is complete. */
  readonly closed: Promise<unknown>;
}

export class SupervisedChild {
  readonly #options: SupervisedChildOptions;
  readonly #stopping = new AbortController();
  #run: Run | undefined;
  /** Earlier runs whose group still has processes. */
  readonly #leftovers = new Set<Run>();
  #sockets: ListeningSockets | undefined;
  #life: Promise<void> = Promise.resolve();
  #stopped: Promise<void> | undefined;
  /** The ports of its last ready message. */
  ports: Readonly<Record<string, number>> = {};

  constructor(options: SupervisedChildOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.spec.name;
  }

  get pid(): number | undefined {
    return this.#run?.process.pid;
  }

  /** Resolves when the child is ready for the first time. Rejects with `ChildStartError` when the first start fails. */
  async start(): Promise<void> {
    const { output, spec } = this.#options;
    this.#sockets = await bindListeningSockets(spec.ports ?? []);
    this.#stopping.signal.throwIfAborted();
    const run = this.#spawn();
    const outcome = await this.#untilReady(run);
    if (outcome === 'ready') {
      this.#life = this.#keepAlive(run);
      return;
    }
    if (outcome === 'late') signalGroup(run, 'SIGKILL');
    const { code, signal } = await run.ended;
    await withTimeout(run.closed, LAST_OUTPUT_MS, { onTimeout: () => {} });
    await this.#clearGroup(run);
    this.#sockets.close();
    const startErrors = output.startErrors();
    const what = outcome === 'late' ? `was not ready within ${spec.readySeconds} s` : describeEnd({ code, signal });
    throw new ChildStartError(startErrors === '' ? `${spec.name} ${what}` : startErrors, {
      child: spec.name,
      exitCode: code === 2 ? 2 : 1,
    });
  }

  /** Sends SIGTERM, and SIGKILL to the group after the time limit. Idempotent. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /** Kills the group synchronously, for the exit of this process. */
  kill(): void {
    this.#stopping.abort();
    if (this.#run !== undefined) signalGroup(this.#run, 'SIGKILL');
    this.#killLeftovers();
  }

  async #stop(): Promise<void> {
    const { shutdownSeconds, print } = this.#options;
    this.#stopping.abort();
    const run = this.#run;
    if (run === undefined) {
      this.#sockets?.close();
      return;
    }
    // Only to the child itself, which stops its own children in the right order.
    run.process.kill('SIGTERM');
    const isLate = await withTimeout(
      run.ended.then(() => false),
      shutdownSeconds * 1000 + GRACE_MS,
      { onTimeout: () => true },
    );
    if (isLate) {
      print(`${this.name} did not stop within ${shutdownSeconds} s; killed`);
      signalGroup(run, 'SIGKILL');
      await run.ended;
    }
    this.#sockets?.close();
    await this.#life;
    signalGroup(run, 'SIGKILL');
    this.#killLeftovers();
  }

  async #keepAlive(first: Run): Promise<void> {
    const { backoffMs, print } = this.#options;
    let failures = 0;
    for (let run = first; ; ) {
      const end = await run.ended;
      if (this.#stopping.signal.aborted) return;
      const cleared = this.#clearGroup(run);
      // With inherited sockets nothing collides: workers of the old run finish while the next one serves those who connect.
      if (!this.#sockets?.fds.length) await cleared;
      if (performance.now() - run.startedMs >= STEADY_MS) failures = 0;
      const waitMs = backoffMs(failures);
      failures += 1;
      print(`${this.name} ${describeEnd(end)}; restarting in ${waitMs / 1000} s`);
      await delay(waitMs, undefined, { signal: this.#stopping.signal }).catch(() => {});
      if (this.#stopping.signal.aborted) return;
      run = this.#spawn();
      const outcome = await this.#untilReady(run);
      if (outcome === 'ready') print(`${this.name} restarted`);
      if (outcome === 'late') {
        print(`${this.name} was not ready within ${this.#options.spec.readySeconds} s; killed`);
        signalGroup(run, 'SIGKILL');
      }
    }
  }

  async #untilReady(run: Run): Promise<'ready' | 'ended' | 'late'> {
    const readyOrEnded = Promise.race([run.ready.then(() => 'ready' as const), run.ended.then(() => 'ended' as const)]);
    const outcome = await withTimeout(readyOrEnded, this.#options.spec.readySeconds * 1000, {
      onTimeout: () => 'late' as const,
    });
    if (outcome === 'ready') this.#options.output.ready();
    return outcome;
  }

  #spawn(): Run {
    const { spec, output } = this.#options;
    const child = spawn(process.execPath, spec.args, {
      env: { ...spec.env, ...this.#sockets?.env },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', ...(this.#sockets?.fds ?? []), 'ipc'],
    });
    child.stdout?.on('data', (chunk: Buffer) => output.write(chunk, 'stdout'));
    child.stderr?.on('data', (chunk: Buffer) => output.write(chunk, 'stderr'));
    const run: Run = {
      process: child,
      startedMs: performance.now(),
      ready: new Promise((resolve) => {
        child.on('message', (message: unknown) => {
          if (!isReadyMessage(message)) return;
          this.ports = message.ports ?? {};
          resolve();
        });
      }),
      ended: new Promise((resolve) => {
        child.once('exit', (code, signal) => resolve({ code, signal }));
        child.once('error', (error) => {
          output.write(Buffer.from(`${spec.name} could not be started: ${error.message}\n`), 'stderr');
          // The event also reports an undelivered signal or message; the run has ended only if there is no process.
          if (child.pid === undefined) resolve({ code: 1, signal: null });
        });
      }),
      closed: new Promise((resolve) => child.once('close', resolve)),
    };
    this.#run = run;
    return run;
  }

  /** Remaining processes of the old run would hold the port or the files that the new one needs. */
  async #clearGroup(run: Run): Promise<void> {
    const until = performance.now() + LEFTOVER_MS;
    this.#leftovers.add(run);
    signalGroup(run, 'SIGTERM');
    while (signalGroup(run, 0) && performance.now() <= until) await delay(LEFTOVER_POLL_MS);
    signalGroup(run, 'SIGKILL');
    this.#leftovers.delete(run);
  }

  #killLeftovers(): void {
    for (const run of this.#leftovers) signalGroup(run, 'SIGKILL');
  }
}

/** Returns whether the group had a process. */
function signalGroup(run: Run, signal: NodeJS.Signals | 0): boolean {
  const { pid } = run.process;
  if (pid === undefined) return false;
  try {
    process.kill(-pid, signal);
    return true;
  } catch {
    // ESRCH: the group is empty. (macOS answers EPERM when only zombies are left.)
    return false;
  }
}

function describeEnd({ code, signal }: End): string {
  return signal === null ? `exited with code ${code}` : `was killed by ${signal}`;
}

function isReadyMessage(message: unknown): message is { type: 'ready'; ports?: Record<string, number> } {
  return typeof message === 'object' && message !== null && 'type' in message && message.type === 'ready';
}
