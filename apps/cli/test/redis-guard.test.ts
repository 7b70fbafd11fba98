import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from '@fleetbridge/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RedisConnection } from '../src/redis/redis-command.js';
import { openRedisDirectory, type RedisDirectory } from '../src/redis/redis-directory.js';
import { isAlive } from './is-alive.js';

// The guard of the build runs as a separate process.
const guardScript = fileURLToPath(new URL('../dist/redis/redis-guard.js', import.meta.url));
const redisServer = process.env.REDIS_SERVER ?? 'redis-server';

let directory: string;
let printed: string[];
let processes: ChildProcess[];

beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), 'redis guard "')), 'redis');
  printed = [];
  processes = [];
});

afterEach(async () => {
  for (const child of processes) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }
  // Also stops the server of a killed guard.
  await openDirectory();
  rmSync(join(directory, '..'), { recursive: true, force: true });
});

const openDirectory = () =>
  openRedisDirectory({ directory, shutdownSeconds: 10, memory: '512mb', print: (line) => printed.push(line) });

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

describe('openRedisDirectory', () => {
  it('writes the URL with the password to a file that only its owner can read', async () => {
    const redis = await openDirectory();
    expect(readFileSync(join(directory, 'url'), 'utf8').trim()).toBe(redis.url);
    expect(redis.url).toBe(`redis://default:${redis.password}@127.0.0.1:${redis.port}`);
    expect(['url', 'password', 'redis.conf'].map(modeOf)).toEqual([0o600, 0o600, 0o600]);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
  });

  it('keeps port and password across runs', async () => {
    expect(await openDirectory()).toEqual(await openDirectory());
  });

  it('changes the port when another program uses the stored one, and reports it', async () => {
    const before = await openDirectory();
    const stranger = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    await once(stranger.listen(before.port, '127.0.0.1'), 'listening');
    const after = await openDirectory();
    stranger.close();
    expect(after.port).not.toBe(before.port);
    expect(after.password).toBe(before.password);
    expect(printed).toEqual([expect.stringContaining(`port ${before.port} of our Redis is in use by another program`)]);
    expect((await openDirectory()).port).toBe(after.port);
  });
});

describe('the guard', () => {
  it('is ready when Redis answers, and configures full durability', async () => {
    const redis = await openDirectory();
    await startGuard();
    const settings = await withRedis(redis, async (connection) => {
      const answers: unknown[] = [];
      const names = [
        'appendonly',
        'appendfsync',
        'save',
        'maxmemory',
        'maxmemory-policy',
        'bind',
        'aof-load-truncated',
      ];
      for (const name of names) {
        answers.push(await connection.command('CONFIG', 'GET', name));
      }
      return Object.fromEntries(answers as [string, string][]);
    });
    expect(settings).toEqual({
      appendonly: 'yes',
      appendfsync: 'always',
      save: '',
      maxmemory: '536870912',
      'maxmemory-policy': 'noeviction',
      bind: '127.0.0.1',
      'aof-load-truncated': 'yes',
    });
  });

  it('requires the password', async () => {
    const redis = await openDirectory();
    await startGuard();
    await expect(RedisConnection.open({ port: redis.port, password: 'wrong' })).rejects.toThrow('WRONGPASS');
  });

  it('does not show the password in the process list', async () => {
    const redis = await openDirectory();
    await startGuard();
    const commandLine = readFileSync(`/proc/${await serverPid(redis)}/cmdline`, 'utf8');
    expect(commandLine).toContain('redis');
    expect(commandLine).not.toContain(redis.password);
  });

  it('stops Redis on SIGTERM', async () => {
    const redis = await openDirectory();
    const guard = await startGuard();
    const pid = await serverPid(redis);
    guard.kill('SIGTERM');
    expect(await once(guard, 'exit')).toEqual([0, null]);
    expect(isAlive(pid)).toBe(false);
  });

  it('exits with code 1 when Redis exits', async () => {
    const redis = await openDirectory();
    const guard = await startGuard();
    process.kill(await serverPid(redis), 'SIGKILL');
    expect(await once(guard, 'exit')).toEqual([1, null]);
  });

  it('waits for the other clients before it stops Redis when the supervisor is gone', async () => {
    const redis = await openDirectory();
    const guard = await startGuard();
    const pid = await serverPid(redis);
    const writer = await RedisConnection.open(redis);
    guard.disconnect();
    await withRedis(redis, (connection) =>
      eventually(async () =>
        String(await connection.command('CLIENT', 'LIST')).includes('name=fleetbridge-guard-leaving'),
      ),
    );
    expect(await writer.command('SET', 'last', 'words')).toBe('OK');
    expect(guard.exitCode).toBeNull();
    writer.close();
    expect(await once(guard, 'exit')).toEqual([0, null]);
    expect(isAlive(pid)).toBe(false);
  });

  it('reconnects when its connection is closed', async () => {
    const redis = await openDirectory();
    await startGuard();
    await withRedis(redis, async (connection) => {
      const idOfGuard = async () =>
        / ?id=(\d+).* name=fleetbridge-guard /.exec(String(await connection.command('CLIENT', 'LIST')))?.[1];
      const before = await eventually(async () => (await idOfGuard()) ?? false);
      await connection.command('CLIENT', 'KILL', 'ID', before);
      await eventually(async () => {
        const id = await idOfGuard();
        return id !== undefined && id !== before;
      });
    });
  });
});

describe('an earlier run', () => {
  it('is shut down first if its guard was killed, without losing an acknowledged write', async () => {
    const before = await openDirectory();
    const guard = await startGuard();
    const orphan = await serverPid(before);
    await withRedis(before, (connection) => connection.command('SET', 'acknowledged', 'yes'));
    guard.kill('SIGKILL');
    await once(guard, 'exit');
    expect(isAlive(orphan)).toBe(true);

    const after = await openDirectory();
    expect(printed).toEqual(['stopping the Redis that an earlier run left behind']);
    await eventually(() => !isAlive(orphan));
    await startGuard();
    expect(after.port).toBe(before.port);
    expect(await withRedis(after, (connection) => connection.command('GET', 'acknowledged'))).toBe('yes');
  });

  it('keeps all acknowledged writes when its Redis was killed', async () => {
    const redis = await openDirectory();
    const guard = await startGuard();
    const connection = await RedisConnection.open(redis);
    for (let index = 1; index <= 200; index++) await connection.command('INCR', 'answered');
    process.kill(await serverPid(redis), 'SIGKILL');
    await once(guard, 'exit');
    await startGuard();
    expect(await withRedis(redis, (again) => again.command('GET', 'answered'))).toBe('200');
  });

  it('is not touched while it runs', async () => {
    const redis = await openDirectory();
    await startGuard();
    const pid = await serverPid(redis);
    await expect(openDirectory()).rejects.toThrow('is in use by another running fleetbridge');
    expect(isAlive(pid)).toBe(true);
  });

  it('is awaited while it is stopping', async () => {
    const redis = await openDirectory();
    const guard = await startGuard();
    const writer = await RedisConnection.open(redis);
    guard.disconnect();
    const opening = openDirectory();
    await eventually(() => printed.includes('waiting for an earlier run that is still stopping'));
    writer.close();
    expect((await opening).port).toBe(redis.port);
    expect(guard.exitCode ?? (await once(guard, 'exit'))[0]).toBe(0);
  });
});
