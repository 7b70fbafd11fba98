// The directory of our own Redis: its port and password, which are chosen once and kept, its configuration, and the
// shutdown of a server that an earlier run left behind. Two servers would corrupt the append-only file, so no server
// starts before it is certain that no other has the file open.
import { randomBytes, randomInt } from 'node:crypto';
import { chmodSync, mkdirSync, realpathSync } from 'node:fs';
import { createServer } from 'node:net';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { readPrivateFile, writePrivateFile } from '../private-file.js';
import { RedisConnection, RedisReplyError } from './redis-command.js';

/** The client name of the guard's connection. A server in our directory without this client is an orphan. */
export const GUARD_NAME = 'fleetbridge-guard';
/** The guard's client name while it stops the server because its supervisor is gone. */
export const LEAVING_GUARD_NAME = 'fleetbridge-guard-leaving';
/** The client that checks whether the server is an orphan. A leaving guard does not wait for it; both would deadlock. */
const VISITOR_NAME = 'fleetbridge-visitor';

/** Below the ephemeral range, from which the system would sometimes give our port to an outgoing connection. */
const FIRST_PORT = 20_000;
const LAST_PORT = 29_999;
const PORT_ATTEMPTS = 50;
/** A guard whose supervisor was killed a moment ago may not have renamed itself yet. */
const GUARD_REACTION_MS = 2_000;
/** A shutdown includes a last sync of the append-only file. */
const ORPHAN_END_MS = 60_000;
const POLL_MS = 50;
/** The rest is for the rewrite of the append-only file, our processes and the system. */
const MEMORY_SHARE = 0.75;

export interface RedisDirectory {
  readonly directory: string;
  readonly port: number;
  readonly password: string;
  /** With the password. */
  readonly url: string;
  readonly configFile: string;
}

export interface RedisDirectoryOptions {
  readonly directory: string;
  /** Prints one line for the user. */
  readonly print: (line: string) => void;
  /** The time limit of a guard that is leaving. */
  readonly shutdownSeconds: number;
  /** `maxmemory` of Redis, for example 2gb; default: three quarters of the machine's memory. */
  readonly memory?: string | undefined;
}

/** Another running fleetbridge uses this directory. */
export class RedisDirectoryInUseError extends Error {
  override readonly name = 'RedisDirectoryInUseError';
}

/**
 * Creates or reads the directory, shuts an orphan down, and writes `url` (0600) and `redis.conf`. The port changes only
 * when another program uses the stored one. Throws `RedisDirectoryInUseError`.
 */
export async function openRedisDirectory(options: RedisDirectoryOptions): Promise<RedisDirectory> {
  const { directory, print, memory } = options;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  chmodSync(directory, 0o700);
  const keep = (name: string, text: string) => writePrivateFile(join(directory, name), text);
  let password = readPrivateFile(join(directory, 'password'));
  if (password === undefined) {
    password = randomBytes(32).toString('base64url');
    keep('password', password);
  }
  const stored = readPort(directory);
  const isUsable = stored !== undefined && (await clearPort({ ...options, port: stored, password }));
  const port = isUsable ? stored : await chooseFreePort();
  if (stored !== undefined && !isUsable) {
    print(`port ${stored} of our Redis is in use by another program; Redis uses port ${port} from now on`);
  }
  keep('port', String(port));
  const url = `redis://default:${password}@127.0.0.1:${port}`;
  keep('url', url);
  const configFile = join(directory, 'redis.conf');
  keep('redis.conf', redisConfig({ directory: realpathSync(directory), port, password, memory }));
  return { directory, port, password, url, configFile };
}

/**
 * Shuts down a server that an earlier run left in this directory. Returns whether the port is free afterwards; false when
 * another program uses it.
 */
export async function clearPort(
  options: RedisDirectoryOptions & { readonly port: number; readonly password: string },
): Promise<boolean> {
  const { directory, port, password, print } = options;
  if (await isFree(port)) return true;
  let connection: RedisConnection;
  try {
    connection = await RedisConnection.open({ port, password });
  } catch {
    // No Redis, or one with another password, or it ended during the check.
    return isFree(port);
  }
  try {
    await connection.command('CLIENT', 'SETNAME', VISITOR_NAME);
    if ((await directoryOf(connection)) !== realpathSync(directory)) return false;
    await waitForGuard(connection, options);
    print('stopping the Redis that an earlier run left behind');
    // Every acknowledged write is in the append-only file already. Fails when a leaving guard is faster.
    await connection.command('SHUTDOWN', 'NOSAVE').catch((error: unknown) => {
      if (error instanceof RedisReplyError) throw error;
    });
  } catch (error) {
    if (error instanceof RedisDirectoryInUseError || error instanceof RedisReplyError) throw error;
    // The connection was closed because the server is stopping.
  } finally {
    connection.close();
  }
  await untilFree(port, directory);
  return true;
}

/** A configuration file instead of arguments, because the process list shows arguments, password included, to all users. */
export function redisConfig(options: {
  directory: string;
  port: number;
  password: string;
  memory: string | undefined;
}): string {
  return [
    '# Written by fleetbridge at every start.',
    'bind 127.0.0.1',
    `port ${options.port}`,
    'protected-mode yes',
    `requirepass ${options.password}`,
    `dir ${quoted(options.directory)}`,
    'daemonize no',
    // Acknowledged means on disk: the log is synced before a write is answered. No snapshots beside it.
    'appendonly yes',
    'appendfsync always',
    'no-appendfsync-on-rewrite no',
    'save ""',
    // A power cut can leave half an entry at the end; it was not answered, so it may go.
    'aof-load-truncated yes',
    // Full means no acknowledgements. Never throw away what was acknowledged.
    'maxmemory-policy noeviction',
    `maxmemory ${options.memory ?? defaultMemory()}`,
    'always-show-logo no',
    '',
  ].join('\n');
}

/** Bytes. Of a container its own limit counts, if it has one. */
function defaultMemory(): number {
  const constrained = process.constrainedMemory();
  const machine = totalmem();
  return Math.floor((constrained > 0 ? Math.min(constrained, machine) : machine) * MEMORY_SHARE);
}

async function directoryOf(connection: RedisConnection): Promise<string | undefined> {
  const reply = await connection.command('CONFIG', 'GET', 'dir');
  return Array.isArray(reply) && typeof reply[1] === 'string' ? reply[1] : undefined;
}

/** Returns when the server has no guard or no longer has one. Throws when a guard keeps it running. */
async function waitForGuard(connection: RedisConnection, options: RedisDirectoryOptions): Promise<void> {
  const startedMs = performance.now();
  const leaveMs = GUARD_REACTION_MS + (options.shutdownSeconds + 5) * 1000;
  let isPrinted = false;
  for (;;) {
    const names = await clientNames(connection);
    const elapsedMs = performance.now() - startedMs;
    const isLeaving = names.includes(LEAVING_GUARD_NAME) && elapsedMs < leaveMs;
    if (!isLeaving && !names.includes(GUARD_NAME)) return;
    if (!isLeaving && elapsedMs > GUARD_REACTION_MS) {
      throw new RedisDirectoryInUseError(
        `${options.directory} is in use by another running fleetbridge; stop that one, or set another DATA_DIR`,
      );
    }
    if (isLeaving && !isPrinted) {
      options.print('waiting for an earlier run that is still stopping');
      isPrinted = true;
    }
    await delay(POLL_MS);
  }
}

/** The number of clients that may still write. */
export async function countWriters(connection: RedisConnection): Promise<number> {
  const names = await clientNames(connection);
  return names.filter((name) => ![GUARD_NAME, LEAVING_GUARD_NAME, VISITOR_NAME].includes(name)).length;
}

/** The names of all clients; empty for a client without a name. */
async function clientNames(connection: RedisConnection): Promise<string[]> {
  const reply = await connection.command('CLIENT', 'LIST');
  return String(reply)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => / name=(\S*)/.exec(line)?.[1] ?? '');
}

async function untilFree(port: number, directory: string): Promise<void> {
  const until = performance.now() + ORPHAN_END_MS;
  while (!(await isFree(port))) {
    if (performance.now() > until) {
      throw new RedisDirectoryInUseError(
        `the Redis of an earlier run in ${directory} (port ${port}) did not stop within ${ORPHAN_END_MS / 1000} s; stop it by hand`,
      );
    }
    await delay(POLL_MS);
  }
}

async function chooseFreePort(): Promise<number> {
  for (let attempt = 0; attempt < PORT_ATTEMPTS; attempt++) {
    const port = randomInt(FIRST_PORT, LAST_PORT + 1);
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port for Redis between ${FIRST_PORT} and ${LAST_PORT} on 127.0.0.1`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

function readPort(directory: string): number | undefined {
  const port = Number(readPrivateFile(join(directory, 'port')));
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined;
}

function quoted(path: string): string {
  return `"${path.replaceAll(/["\\]/g, '\\$&')}"`;
}
