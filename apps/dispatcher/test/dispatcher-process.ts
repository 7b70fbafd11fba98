// A dispatcher as a process, as a user starts it.
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { eventually, freePort } from '@fleetbridge/testing';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));

export interface DispatcherProcess {
  readonly pid: number;
  /** Log lines in JSON. */
  lines: string[];
  metric(name: string): Promise<number>;
  /** The answer of /readyz. */
  ready(): Promise<unknown>;
  signal(signal: NodeJS.Signals): void;
  /** Writes of the process then fail with EPIPE. */
  closeStdout(): void;
  /** Resolves to the exit code. */
  stop(signal?: 'SIGTERM' | 'SIGHUP'): Promise<number | null>;
  kill(): Promise<void>;
}

/** Resolves when the process is ready. */
export async function startDispatcher(env: Record<string, string>): Promise<DispatcherProcess> {
  const port = await freePort();
  const child: ChildProcess = spawn(process.execPath, [main], {
    env: { PATH: process.env.PATH, DISPATCHER_ADMIN_PORT: String(port), LOG_FORMAT: 'json', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  const collect = (chunk: Buffer) => lines.push(...chunk.toString().split('\n').filter(Boolean));
  child.stdout!.on('data', collect);
  child.stderr!.on('data', collect);
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  await eventually(() => {
    if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}: ${lines.join('\n')}`);
    return lines.some((line) => line.includes('"dispatcher_ready"'));
  });
  return {
    pid: child.pid!,
    lines,
    metric: async (name) => {
      const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      const line = text.split('\n').find((one) => one.startsWith(`${name}{`) || one.startsWith(`${name} `));
      return Number(line?.split(' ').at(-1) ?? Number.NaN);
    },
    ready: async () => await (await fetch(`http://127.0.0.1:${port}/readyz`)).json(),
    signal: (signal) => void child.kill(signal),
    closeStdout: () => void child.stdout!.destroy(),
    stop: (signal = 'SIGTERM') => {
      child.kill(signal);
      return ended;
    },
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
