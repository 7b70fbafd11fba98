// The streaming server as a supervisor starts it: `node dist/main.js`, the process with the ports and its workers. It
// can be started again after its end, on the same ports.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { eventually } from '@fleetbridge/testing';
import { TOKEN } from './streaming-rig.js';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));

type Ports = Record<'clients' | 'grpc' | 'admin', number>;

export class StreamingProcess {
  readonly #env: Record<string, string>;
  #child: ChildProcess | undefined;
  #ended: Promise<number | null> = Promise.resolve(null);
  #ports: Ports | undefined;
  #isReady = false;
  readonly lines: Record<string, unknown>[] = [];
  errors = '';

  constructor(env: Record<string, string>) {
    this.#env = env;
  }

  get port(): number {
    return this.#ports!.clients;
  }

  /** Resolves with the exit code of the process with the ports. */
  get ended(): Promise<number | null> {
    return this.#ended;
  }

  spawn(): this {
    const { clients = 0, grpc = 0, admin = 0 } = this.#ports ?? {};
    const child = spawn(process.execPath, [main], {
      // in a process group with its workers
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: {
        PATH: process.env.PATH,
        STREAMING_BIND: '127.0.0.1',
        STREAMING_PORT: String(clients),
        STREAMING_GRPC_PORT: String(grpc),
        STREAMING_ADMIN_PORT: String(admin),
        STREAMING_TLS: 'off',
        OFFLINE_AFTER: '0',
        SHUTDOWN_SECONDS: '5',
        BRIDGE_TOKEN: TOKEN,
        ...this.#env,
      },
    });
    let rest = '';
    child.stdout!.setEncoding('utf8').on('data', (chunk) => {
      const parts = (rest + chunk).split('\n');
      rest = parts.pop()!;
      for (const part of parts) if (part.startsWith('{')) this.lines.push(JSON.parse(part));
      if (process.env.TEST_LOG !== undefined) process.stderr.write(chunk);
    });
    child.stderr!.setEncoding('utf8').on('data', (chunk) => {
      this.errors += chunk;
    });
    this.#isReady = false;
    child.on('message', (message: { type: string; ports: Ports }) => {
      if (message.type !== 'ready') return;
      this.#ports = message.ports;
      this.#isReady = true;
    });
    this.#child = child;
    this.#ended = once(child, 'exit').then(([code]) => code as number | null);
    return this;
  }

  /** Resolves when clients are served; rejects if the process ends before. */
  async ready(): Promise<Ports> {
    await eventually(() => this.#isReady || this.#child?.exitCode !== null);
    if (!this.#isReady) throw new Error(`streaming ended before it was ready: ${this.errors}`);
    return this.#ports!;
  }

  start(): Promise<Ports> {
    return this.spawn().ready();
  }

  /** Pids of the workers that are alive. */
  workers(): number[] {
    const started = this.lines.filter(({ event }) => event === 'worker_ready').map(({ pid }) => pid as number);
    return started.filter(isAlive);
  }

  /** Signals the process with the ports, not its workers. */
  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** SIGTERM stops in good order, SIGKILL kills the workers too. Resolves with the exit code. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null> {
    if (signal === 'SIGTERM') this.signal(signal);
    else if (this.#child?.pid !== undefined) killGroup(this.#child.pid);
    return await this.#ended;
  }

  async metric(name: string): Promise<number | undefined> {
    const text = await (await fetch(`http://127.0.0.1:${this.#ports!.admin}/metrics`)).text();
    const [, value] = new RegExp(`^${name}(?:\\{[^}]*\\})? ([\\d.]+)$`, 'm').exec(text) ?? [];
    return value === undefined ? undefined : Number(value);
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // all of its processes have ended
  }
}
