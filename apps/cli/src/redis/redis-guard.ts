// The parent process of our redis-server. It reports to the supervisor when Redis accepts commands and stops Redis
// gracefully. When the supervisor is gone, it first lets the other clients finish their last writes. Its connection
// distinguishes a supervised server from an orphan.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createLogger, type RunContext, runApp, withTimeout } from '@fleetbridge/service';
import { appendOnlyAdvice } from './append-only-check.js';
import { RedisConnection, RedisReplyError } from './redis-command.js';
import { clearPort, countWriters, GUARD_NAME, LEAVING_GUARD_NAME } from './redis-directory.js';

const POLL_MS = 50;
const REOPEN_MS = 500;
/** The time limit of Redis itself, after that of the other clients. */
const REDIS_STOP_SECONDS = 10;

await runApp({ name: 'redis', main: guardRedis });

async function guardRedis(context: RunContext): Promise<void> {
  const [redisServer = 'redis-server', directory = '.'] = context.argv;
  const shutdownSeconds = Number(context.env.SHUTDOWN_SECONDS ?? 20);
  context.shutdownSeconds = shutdownSeconds + REDIS_STOP_SECONDS;
  context.log = createLogger({ name: 'redis', format: 'json' });
  const port = Number(readFileSync(join(directory, 'port'), 'utf8'));
  const password = readFileSync(join(directory, 'password'), 'utf8').trim();
  const print = (line: string) => context.log.warn({ detail: line }, 'redis_orphan');
  if (!(await clearPort({ directory, port, password, print, shutdownSeconds }))) {
    throw new Error(
      `port ${port} of our Redis on 127.0.0.1 is in use by another program; restart fleetbridge to choose another port`,
    );
  }

  const server = startServer(redisServer, join(directory, 'redis.conf'));
  context.onStop('redis-server', () => endServer(server));
  // However this process ends, the server must not keep running without a guard.
  process.once('exit', () => server.process.kill('SIGKILL'));

  const connection = await openNamed({ port, password, server, signal: context.signal });
  await untilUsable(connection, server, context.signal);
  let guarding = connection;
  context.onStop('other clients', async () => {
    if (context.signal.reason === 'supervisor_gone') await untilAlone(guarding, shutdownSeconds * 1000);
    guarding.close();
  });
  void keepOpen();
  void server.ended.then(({ how }) => {
    if (context.signal.aborted) return;
    context.log.error({ how }, 'redis_server_ended');
    process.exit(1);
  });
  context.ready({ ports: { redis: port } });

  /** CLIENT KILL can close the connection; without it the server would look like an orphan. */
  async function keepOpen(): Promise<void> {
    for (;;) {
      await guarding.closed;
      await delay(REOPEN_MS);
      if (context.signal.aborted) return;
      try {
        guarding = await openNamed({ port, password, server, signal: context.signal });
      } catch {
        return; // the server has stopped or is stopping
      }
    }
  }
}

interface Server {
  readonly process: ChildProcess;
  /** Exit code or signal as text, and the last lines of its log. */
  readonly ended: Promise<{ how: string; lastLines: string; advice?: string | undefined }>;
}

function startServer(redisServer: string, configFile: string): Server {
  const child = spawn(redisServer, [configFile], { stdio: ['ignore', 'pipe', 'pipe'] });
  let lastLines = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      process.stdout.write(chunk);
      lastLines = (lastLines + chunk.toString()).slice(-2_000);
    });
  }
  // The reader of this output may be gone; Redis must be stopped gracefully nevertheless.
  process.stdout.on('error', () => {});
  const ended: Server['ended'] = new Promise((resolve) => {
    child.once('error', (error) => resolve({ how: `could not run ${redisServer}: ${error.message}`, lastLines: '' }));
    child.once('close', (code, signal) => {
      const how = `redis-server exited (${signal ?? `exit code ${code}`})`;
      const advice = appendOnlyAdvice(lastLines, { directory: dirname(configFile), redisServer });
      resolve({ how, lastLines: lastLines.trim().split('\n').slice(-6).join('\n'), advice });
    });
  });
  return { process: child, ended };
}

async function endServer(server: Server): Promise<void> {
  if (server.process.exitCode !== null || server.process.signalCode !== null || server.process.pid === undefined)
    return;
  const exited = once(server.process, 'exit');
  server.process.kill('SIGTERM');
  await exited;
}

async function openNamed(options: {
  port: number;
  password: string;
  server: Server;
  signal: AbortSignal;
}): Promise<RedisConnection> {
  for (;;) {
    try {
      const connection = await RedisConnection.open(options);
      await connection.command('CLIENT', 'SETNAME', GUARD_NAME);
      return connection;
    } catch (error) {
      if (error instanceof RedisReplyError) throw error;
      await pauseUnlessEnded(options.server, options.signal);
    }
  }
}

/** While a server loads its append-only file, it answers every command with LOADING. */
async function untilUsable(connection: RedisConnection, server: Server, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      await connection.command('PING');
      return;
    } catch (error) {
      if (!(error instanceof RedisReplyError) || error.code !== 'LOADING') throw error;
      await pauseUnlessEnded(server, signal);
    }
  }
}

async function pauseUnlessEnded(server: Server, signal: AbortSignal): Promise<void> {
  const end = await withTimeout(server.ended, POLL_MS, { onTimeout: () => undefined });
  if (end !== undefined) throw new Error(end.advice ?? `${end.how}; last lines of its log:\n${end.lastLines}`);
  signal.throwIfAborted();
}

/** The supervisor was killed: ingest, dispatcher and streaming notice that too and write what they have in memory. */
async function untilAlone(connection: RedisConnection, limitMs: number): Promise<void> {
  const until = performance.now() + limitMs;
  try {
    await connection.command('CLIENT', 'SETNAME', LEAVING_GUARD_NAME);
    while (performance.now() < until) {
      if ((await countWriters(connection)) === 0) return;
      await delay(POLL_MS);
    }
  } catch {
    // Redis has stopped already, so there are no writers left.
  }
}
