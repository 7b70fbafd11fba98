// A real redis-server for one test file, with its own directory and port and appendfsync always; deleted at the end.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { eventually } from './eventually.js';
import { freePort } from './free-port.js';
import { sendRedisCommand } from './redis-command.js';

export interface DisposableRedis {
  url: string;
  port: number;
  readonly pid: number;
  /** kill -9, like a crash. */
  kill(): Promise<void>;
  /** Starts with the same port and data, unless it is running. */
  start(): Promise<void>;
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
}

/** Extra arguments go to redis-server, e.g. `['--maxmemory', '64mb']`. Default port: any free one. */
export async function startRedis(
  extraArguments: string[] = [],
  options: { port?: number } = {},
): Promise<DisposableRedis> {
  const folder = mkdtempSync(path.join(tmpdir(), 'fleetbridge-redis-'));
  const port = options.port ?? (await freePort());
  const settings = [
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'yes',
    '--appendfsync',
    'always',
    '--daemonize',
    'no',
  ];
  let child: ChildProcess | undefined;

  const isRunning = () => child !== undefined && child.exitCode === null && child.signalCode === null;
  const start = async () => {
    if (isRunning()) return;
    const command = process.env.REDIS_SERVER ?? 'redis-server';
    const started = spawn(command, ['--port', String(port), '--dir', folder, ...settings, ...extraArguments], {
      stdio: 'ignore',
    });
    const failed = new Promise<never>((_, reject) => started.once('error', reject));
    child = started;
    await Promise.race([eventually(async () => (await sendRedisCommand(port, 'PING')) === 'PONG'), failed]);
  };
  const kill = async () => {
    if (!isRunning()) return;
    const ended = new Promise((resolve) => child?.once('exit', resolve));
    child?.kill('SIGKILL');
    await ended;
  };
  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    get pid() {
      return child!.pid!;
    },
    kill,
    start,
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    stop: async () => {
      await kill();
      // a redis-server that was just killed can still write, which makes the removal fail with ENOTEMPTY
      rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}
