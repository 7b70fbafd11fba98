import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RedisConnection } from '../src/redis/redis-command.js';
import { openRedisDirectory, type RedisDirectory } from '../src/redis/redis-directory.js';
import { isAlive, until } from './until.js';

// The built guard: it is a process of its own.
const guardScript = fileURLToPath(new URL('../dist/redis/redis-guard.js', import.meta.url));
const redisServer = process.env.REDIS_SERVER ?? 'redis-server';

let directory: string;
let said: string[];
let processes: ChildProcess[];

beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), 'redis guard "')), 'redis');
  said = [];
  processes = [];
});

afterEach(async () => {
  for (const child of processes) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }
  // A guard that was killed leaves its server; this is how the product ends it, too.
  await openDirectory();
  rmSync(join(directory, '..'), { recursive: true, force: true });
});

const openDirectory = () => openRedisDirectory({ directory, shutdownSeconds: 10, say: (line) => said.push(line) });

async function startGuard(): Promise<ChildProcess> {
  const guard = spawn(process.execPath, [guardScript, redisServer, directory], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { ...process.env, SHUTDOWN_SECONDS: '10' },
  });
  processes.push(guard);
  const [message] = await Promise.race([once(guard, 'message'), once(guard, 'exit')]);
  expect(message).toMatchObject({ type: 'ready' });
  return guard;
}

async function withRedis<T>(redis: RedisDirectory, work: (connection: RedisConnection) => Promise<T>): Promise<T> {
  const connection = await RedisConnection.open(redis);
  try {
    return await work(connection);
  } finally {
    connection.close();
  }
}

const serverPid = (redis: RedisDirectory) =>
  withRedis(redis, async (connection) =>
    Number(/process_id:(\d+)/.exec(String(await connection.command('INFO', 'server')))?.[1]),
  );

const modeOf = (name: string) => statSync(join(directory, name)).mode & 0o777;

describe('the directory', () => {
  it('has the URL with its password in a file for its owner only', async () => {
    const redis = await openDirectory();
    expect(readFileSync(join(directory, 'url'), 'utf8').trim()).toBe(redis.url);
    expect(redis.url).toBe(`redis://default:${redis.password}@127.0.0.1:${redis.port}`);
    expect(['url', 'password', 'redis.conf'].map(modeOf)).toEqual([0o600, 0o600, 0o600]);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
  });

  it('keeps port and password', async () => {
    expect(await openDirectory()).toEqual(await openDirectory());
  });

  it('moves to another port when somebody else has the kept one, and says so', async () => {
    const before = await openDirectory();
    const stranger = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    await once(stranger.listen(before.port, '127.0.0.1'), 'listening');
    const after = await openDirectory();
    stranger.close();
    expect(after.port).not.toBe(before.port);
    expect(after.password).toBe(before.password);
    expect(said).toEqual([expect.stringContaining(`port ${before.port}, which our Redis had, is taken`)]);
    expect((await openDirectory()).port).toBe(after.port);
  });
});

describe('the guard', () => {
  it('is ready when Redis answers, with the durability that is promised', async () => {
    const redis = await openDirectory();
    await startGuard();
    const settings = await withRedis(redis, async (connection) => {
      const answers: unknown[] = [];
      for (const name of ['appendonly', 'appendfsync', 'save', 'maxmemory-policy', 'bind', 'aof-load-truncated']) {
        answers.push(await connection.command('CONFIG', 'GET', name));
      }
      return Object.fromEntries(answers as [string, string][]);
    });
    expect(settings).toEqual({
      appendonly: 'yes',
      appendfsync: 'always',
      save: '',
      'maxmemory-policy': 'noeviction',
      bind: '127.0.0.1',
      'aof-load-truncated': 'yes',
    });
  });

  it('asks for the password', async () => {
    const redis = await openDirectory();
    await startGuard();
    await expect(RedisConnection.open({ port: redis.port, password: 'wrong' })).rejects.toThrow('WRONGPASS');
  });

  it('does not show the password in the list of processes', async () => {
    const redis = await openDirectory();
    await startGuard();
    const commandLine = readFileSync(`/proc/${await serverPid(redis)}/cmdline`, 'utf8');
    expect(commandLine).toContain('redis');
    expect(commandLine).not.toContain(redis.password);
  });

  it('ends Redis when it is told to stop', async () => {
    const redis = await openDirectory();
    const guard = await startGuard();
    const pid = await serverPid(redis);
    guard.kill('SIGTERM');
    expect(await once(guard, 'exit')).toEqual([0, null]);
    expect(isAlive(pid)).toBe(false);
  });

  it('ends with exit code 1 when Redis dies', async () => {
    const redis = await openDirectory();
    const guard = await startGuard();
    process.kill(await serverPid(redis), 'SIGKILL');
    expect(await once(guard, 'exit')).toEqual([1, null]);
  });

  it('lets the others finish before it ends Redis when the supervisor has gone', async () => {
    const redis = await openDirectory();
    const guard = await startGuard();
    const pid = await serverPid(redis);
    const writer = await RedisConnection.open(redis);
    guard.disconnect();
    await withRedis(redis, (connection) =>
      until('the guard knows', async () =>
        String(await connection.command('CLIENT', 'LIST')).includes('name=fleetbridge-guard-leaving'),
      ),
    );
    expect(await writer.command('SET', 'last', 'words')).toBe('OK');
    expect(guard.exitCode).toBeNull();
    writer.close();
    expect(await once(guard, 'exit')).toEqual([0, null]);
    expect(isAlive(pid)).toBe(false);
  });

  it('opens its connection again when somebody closes it', async () => {
    const redis = await openDirectory();
    await startGuard();
    await withRedis(redis, async (connection) => {
      const idOfGuard = async () =>
        / ?id=(\d+).* name=fleetbridge-guard /.exec(String(await connection.command('CLIENT', 'LIST')))?.[1];
      const before = await until('the guard is there', idOfGuard);
      await connection.command('CLIENT', 'KILL', 'ID', before);
      await until('a new connection of the guard', async () => {
        const id = await idOfGuard();
        return id !== undefined && id !== before;
      });
    });
  });
});

describe('an earlier run', () => {
  it('that was killed with its guard is ended first, and nothing that was answered is lost', async () => {
    const before = await openDirectory();
    const guard = await startGuard();
    const orphan = await serverPid(before);
    await withRedis(before, (connection) => connection.command('SET', 'acknowledged', 'yes'));
    guard.kill('SIGKILL');
    await once(guard, 'exit');
    expect(isAlive(orphan)).toBe(true);

    const after = await openDirectory();
    expect(said).toEqual(['ending the Redis that an earlier run left behind']);
    await until('the orphan has ended', () => !isAlive(orphan));
    await startGuard();
    expect(after.port).toBe(before.port);
    expect(await withRedis(after, (connection) => connection.command('GET', 'acknowledged'))).toBe('yes');
  });

  it('whose Redis was killed has all that was answered', async () => {
    const redis = await openDirectory();
    const guard = await startGuard();
    const connection = await RedisConnection.open(redis);
    for (let index = 1; index <= 200; index++) await connection.command('INCR', 'answered');
    process.kill(await serverPid(redis), 'SIGKILL');
    await once(guard, 'exit');
    await startGuard();
    expect(await withRedis(redis, (again) => again.command('GET', 'answered'))).toBe('200');
  });

  it('that still runs is left alone', async () => {
    const redis = await openDirectory();
    await startGuard();
    const pid = await serverPid(redis);
    await expect(openDirectory()).rejects.toThrow('belongs to a fleetbridge that is running');
    expect(isAlive(pid)).toBe(true);
  });

  it('that is just ending is waited for', async () => {
    const redis = await openDirectory();
    const guard = await startGuard();
    const writer = await RedisConnection.open(redis);
    guard.disconnect();
    const opening = openDirectory();
    await until('it is waited for', () => said.includes('an earlier run is still ending; waiting for it'));
    writer.close();
    expect((await opening).port).toBe(redis.port);
    expect(guard.exitCode ?? (await once(guard, 'exit'))[0]).toBe(0);
  });
});
