// The streaming server as a user starts it: the built program, its process that holds the ports and its workers.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { eventually } from '@fleetbridge/testing';
import { TOKEN } from './streaming-rig.js';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));

export interface ProcessOptions {
  env: Record<string, string>;
}

export type StreamingProcess = ReturnType<typeof startProcess>;

export function startProcess({ env }: ProcessOptions) {
  const child: ChildProcess = spawn(process.execPath, [main], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: {
      PATH: process.env.PATH,
      STREAMING_BIND: '127.0.0.1',
      STREAMING_PORT: '0',
      STREAMING_GRPC_PORT: '0',
      STREAMING_ADMIN_PORT: '0',
      STREAMING_TLS: 'off',
      SHUTDOWN_SECONDS: '5',
      BRIDGE_TOKEN: TOKEN,
      ...env,
    },
  });
  const lines: Record<string, unknown>[] = [];
  let errors = '';
  let rest = '';
  child.stdout!.setEncoding('utf8').on('data', (chunk) => {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop()!;
    for (const part of parts) if (part.startsWith('{')) lines.push(JSON.parse(part));
  });
  child.stderr!.setEncoding('utf8').on('data', (chunk) => {
    errors += chunk;
  });
  let ports: Record<string, number> | undefined;
  child.on('message', (message: { type: string; ports: Record<string, number> }) => {
    if (message.type === 'ready') ports = message.ports;
  });
  const ended = once(child, 'exit').then(([code]) => code as number | null);
  const workers = () => lines.filter(({ event }) => event === 'worker_ready').map(({ pid }) => pid as number);
  return {
    child,
    lines,
    ended,
    errors: () => errors,
    ready: () => eventually(() => ports ?? false),
    /** Pids of the workers that serve now. */
    workers: () => workers().filter(isAlive),
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
    stop: async () => {
      child.kill('SIGTERM');
      return await ended;
    },
  };
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
