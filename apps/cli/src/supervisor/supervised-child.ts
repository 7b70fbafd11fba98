// One child process through all its lives: started, waited for until it says that it is ready, started again when it
// dies, stopped in good order or by force. It has a process group of its own, so the terminal's Ctrl-C does not reach it
// and whatever it started can be ended with it.
import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { withTimeout } from '@fleetbridge/service';

/** What a child that has died left behind in its group (workers that hand over, a server) has this long to end. */
const LEFTOVER_MS = 5_000;
const LEFTOVER_POLL_MS = 20;
/** A child that was up for so long is healthy: its next death starts the back-off from the beginning. */
const STEADY_MS = 30_000;
/** Its own time limit is the same as ours, so it gets a moment more to say so and end by itself. */
const GRACE_MS = 1_000;
/** What a dying child wrote last can arrive after the news of its end. */
const LAST_OUTPUT_MS = 300;

export interface ChildSpec {
  readonly name: string;
  /** The script and its arguments; node runs it. */
  readonly args: readonly string[];
  readonly env: Readonly<NodeJS.ProcessEnv>;
  /** How long it may take until it says that it is ready. */
  readonly readySeconds: number;
}

export interface ChildOutput {
  write(chunk: Buffer, source: 'stdout' | 'stderr'): void;
  /** The first start has succeeded: what it says on stderr is no explanation of a failed one any more. */
  ready(): void;
  /** What it said on stderr until then. */
  complaint(): string;
}

export interface SupervisedChildOptions {
  readonly spec: ChildSpec;
  readonly output: ChildOutput;
  readonly shutdownSeconds: number;
  readonly backoffMs: (failures: number) => number;
  /** One line for the terminal. */
  readonly say: (line: string) => void;
}

/** A child did not get through its first start. `exitCode` is what the whole should end with. */
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
  /** Its output is complete, as far as it can be waited for. */
  readonly closed: Promise<unknown>;
}

export class SupervisedChild {
  readonly #options: SupervisedChildOptions;
  readonly #stopping = new AbortController();
  #run: Run | undefined;
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

  /** Resolves when it is ready for the first time; rejects with `ChildStartError` when that does not come about. */
  async start(): Promise<void> {
    const { output, spec } = this.#options;
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
    const complaint = output.complaint();
    const what = outcome === 'late' ? `was not ready within ${spec.readySeconds} s` : describeEnd({ code, signal });
    throw new ChildStartError(complaint === '' ? `${spec.name} ${what}` : complaint, {
      child: spec.name,
      exitCode: code === 2 ? 2 : 1,
    });
  }

  /** SIGTERM, then SIGKILL to its group once the time is up. Idempotent. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /** At once and synchronously, for the exit of this process. */
  kill(): void {
    this.#stopping.abort();
    if (this.#run !== undefined) signalGroup(this.#run, 'SIGKILL');
  }

  async #stop(): Promise<void> {
    const { shutdownSeconds, say } = this.#options;
    this.#stopping.abort();
    const run = this.#run;
    if (run === undefined) return;
    // To the child alone: it knows in which order what it started has to end.
    run.process.kill('SIGTERM');
    const isLate = await withTimeout(
      run.ended.then(() => false),
      shutdownSeconds * 1000 + GRACE_MS,
      { onTimeout: () => true },
    );
    if (isLate) {
      say(`${this.name} did not stop within ${shutdownSeconds} s; killed`);
      signalGroup(run, 'SIGKILL');
      await run.ended;
    }
    await this.#life;
    signalGroup(run, 'SIGKILL');
  }

  async #keepAlive(first: Run): Promise<void> {
    const { backoffMs, say } = this.#options;
    let failures = 0;
    for (let run = first; ; ) {
      const end = await run.ended;
      if (this.#stopping.signal.aborted) return;
      await this.#clearGroup(run);
      if (performance.now() - run.startedMs >= STEADY_MS) failures = 0;
      const waitMs = backoffMs(failures);
      failures += 1;
      say(`${this.name} ${describeEnd(end)}; starting it again in ${waitMs / 1000} s`);
      await delay(waitMs, undefined, { signal: this.#stopping.signal }).catch(() => {});
      if (this.#stopping.signal.aborted) return;
      run = this.#spawn();
      const outcome = await this.#untilReady(run);
      if (outcome === 'ready') say(`${this.name} runs again`);
      if (outcome === 'late') {
        say(`${this.name} was not ready within ${this.#options.spec.readySeconds} s; killed`);
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
      env: spec.env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
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
          output.write(Buffer.from(`${spec.name} could not be run: ${error.message}\n`), 'stderr');
          // Also sent when a signal or message could not be delivered; only without a process is this the end.
          if (child.pid === undefined) resolve({ code: 1, signal: null });
        });
      }),
      closed: new Promise((resolve) => child.once('close', resolve)),
    };
    this.#run = run;
    return run;
  }

  /** A new child must not meet what the dead one left: workers that hold its port, a server that has its files open. */
  async #clearGroup(run: Run): Promise<void> {
    const until = performance.now() + LEFTOVER_MS;
    signalGroup(run, 'SIGTERM');
    while (signalGroup(run, 0)) {
      if (performance.now() > until) {
        signalGroup(run, 'SIGKILL');
        return;
      }
      await delay(LEFTOVER_POLL_MS);
    }
  }
}

/** Whether there was anybody in the group. */
function signalGroup(run: Run, signal: NodeJS.Signals | 0): boolean {
  const { pid } = run.process;
  if (pid === undefined) return false;
  try {
    process.kill(-pid, signal);
    return true;
  } catch {
    // ESRCH: nobody left. (macOS says EPERM when only processes are left that have ended already.)
    return false;
  }
}

function describeEnd({ code, signal }: End): string {
  return signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
}

function isReadyMessage(message: unknown): message is { type: 'ready'; ports?: Record<string, number> } {
  return typeof message === 'object' && message !== null && 'type' in message && message.type === 'ready';
}
