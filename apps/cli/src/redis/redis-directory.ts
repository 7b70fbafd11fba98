// The directory of the Redis that is ours: its port and password, chosen once and kept, its configuration, and the end of
// a server that an earlier run left behind in it. Two servers on one append-only file would destroy it, so nothing is
// started before it is certain that nobody has it open.
import { randomBytes, randomInt } from 'node:crypto';
import { chmodSync, mkdirSync, realpathSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { readPrivateFile, writePrivateFile } from '../private-file.js';
import { RedisConnection, RedisReplyError } from './redis-command.js';

/** The guard's connection is named so; a server in our directory without one is an orphan. */
export const GUARD_NAME = 'fleetbridge-guard';
/** The same while it ends the server because its supervisor has gone. */
export const LEAVING_GUARD_NAME = 'fleetbridge-guard-leaving';
/** Whoever looks whether the server is an orphan; a leaving guard doesn't wait for it, or both would wait. */
const VISITOR_NAME = 'fleetbridge-visitor';

/** Below the ports that systems take for outgoing connections, where one would be taken from us now and then. */
const FIRST_PORT = 20_000;
const LAST_PORT = 29_999;
const PORT_ATTEMPTS = 50;
/** A guard whose supervisor was killed a moment ago may not have renamed itself yet. */
const GUARD_REACTION_MS = 2_000;
/** Ending means one last sync of the append-only file. */
const ORPHAN_END_MS = 60_000;
const POLL_MS = 50;

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
  readonly say: (line: string) => void;
  /** How long a guard that is leaving may take. */
  readonly shutdownSeconds: number;
}

/** Another fleetbridge, alive, has this directory. */
export class RedisDirectoryInUseError extends Error {
  override readonly name = 'RedisDirectoryInUseError';
}

/**
 * Makes or reads the directory, ends an orphan, and writes `url` (0600) and `redis.conf`. The kept port is given up only
 * when somebody else has it. Throws `RedisDirectoryInUseError`.
 */
export async function openRedisDirectory(options: RedisDirectoryOptions): Promise<RedisDirectory> {
  const { directory, say } = options;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  chmodSync(directory, 0o700);
  const keep = (name: string, text: string) => writePrivateFile(join(directory, name), text);
  let password = readPrivateFile(join(directory, 'password'));
  if (password === undefined) {
    password = randomBytes(32).toString('base64url');
    keep('password', password);
  }
  const kept = readPort(directory);
  const isKept = kept !== undefined && (await clearPort({ ...options, port: kept, password }));
  const port = isKept ? kept : await chooseFreePort();
  if (kept !== undefined && !isKept) {
    say(`port ${kept}, which our Redis had, is taken by another program; it has port ${port} from now on`);
  }
  keep('port', String(port));
  const url = `redis://default:${password}@127.0.0.1:${port}`;
  keep('url', url);
  const configFile = join(directory, 'redis.conf');
  keep('redis.conf', redisConfig({ directory: realpathSync(directory), port, password }));
  return { directory, port, password, url, configFile };
}

/**
 * Ends a server that an earlier run left in this directory. Whether the port is free (or ours to take) afterwards: false
 * when somebody else has it.
 */
export async function clearPort(
  options: RedisDirectoryOptions & { readonly port: number; readonly password: string },
): Promise<boolean> {
  const { directory, port, password, say } = options;
  if (await isFree(port)) return true;
  let connection: RedisConnection;
  try {
    connection = await RedisConnection.open({ port, password });
  } catch {
    // No Redis, or one with another password. Or it ended while we looked.
    return isFree(port);
  }
  try {
    await connection.command('CLIENT', 'SETNAME', VISITOR_NAME);
    if ((await directoryOf(connection)) !== realpathSync(directory)) return false;
    await waitForGuard(connection, options);
    say('ending the Redis that an earlier run left behind');
    // Every acknowledged write is in the append-only file already. A leaving guard may be quicker: then this fails.
    await connection.command('SHUTDOWN', 'NOSAVE').catch((error: unknown) => {
      if (error instanceof RedisReplyError) throw error;
    });
  } catch (error) {
    if (error instanceof RedisDirectoryInUseError || error instanceof RedisReplyError) throw error;
    // The connection ended: so does the server.
  } finally {
    connection.close();
  }
  await untilFree(port, directory);
  return true;
}

/** A configuration file, not arguments: those are for everyone to see in the list of processes, password included. */
export function redisConfig(options: { directory: string; port: number; password: string }): string {
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
    'always-show-logo no',
    '',
  ].join('\n');
}

async function directoryOf(connection: RedisConnection): Promise<string | undefined> {
  const reply = await connection.command('CONFIG', 'GET', 'dir');
  return Array.isArray(reply) && typeof reply[1] === 'string' ? reply[1] : undefined;
}

/** Returns when the server has no guard (any more), throws when it has one that means to keep it. */
async function waitForGuard(connection: RedisConnection, options: RedisDirectoryOptions): Promise<void> {
  const startedMs = performance.now();
  const leaveMs = GUARD_REACTION_MS + (options.shutdownSeconds + 5) * 1000;
  let hasSaidSo = false;
  for (;;) {
    const names = await clientNames(connection);
    const elapsedMs = performance.now() - startedMs;
    const isLeaving = names.includes(LEAVING_GUARD_NAME) && elapsedMs < leaveMs;
    if (!isLeaving && !names.includes(GUARD_NAME)) return;
    if (!isLeaving && elapsedMs > GUARD_REACTION_MS) {
      throw new RedisDirectoryInUseError(
        `${options.directory} belongs to a fleetbridge that is running; stop that one, or give this one a DATA_DIR of its own`,
      );
    }
    if (isLeaving && !hasSaidSo) {
      options.say('an earlier run is still ending; waiting for it');
      hasSaidSo = true;
    }
    await delay(POLL_MS);
  }
}

/** How many clients there are that may still have something to write. */
export async function countWriters(connection: RedisConnection): Promise<number> {
  const names = await clientNames(connection);
  return names.filter((name) => ![GUARD_NAME, LEAVING_GUARD_NAME, VISITOR_NAME].includes(name)).length;
}

/** An empty name for each client that has none. */
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
        `the Redis of an earlier run in ${directory} (port ${port}) did not end within ${ORPHAN_END_MS / 1000} s; end it by hand`,
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
