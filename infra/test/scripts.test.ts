// The scripts that run on a fresh clone before anything is built.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@fleetbridge/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const script = (name: string) => import(new URL(`../scripts/${name}`, import.meta.url).href);

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'scripts-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function executable(path: string, body: string): void {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
}

const redisOf = (version: string) => `echo "Redis server v=${version} sha=00000000:0 malloc=libc bits=64 build=0"`;

describe('finding redis-server', () => {
  const ensure = async (env: NodeJS.ProcessEnv, folders: string[] = []) =>
    (await script('redis-server.mjs')).ensureRedisServer({ env: { PATH: join(directory, 'bin'), ...env }, folders });

  it('uses the program of REDIS_SERVER, or explains why it is unusable', async () => {
    executable(join(directory, 'mine'), redisOf('7.0.15'));
    expect(await ensure({ REDIS_SERVER: join(directory, 'mine') })).toBe(join(directory, 'mine'));
    await expect(ensure({ REDIS_SERVER: join(directory, 'none') })).rejects.toThrow('REDIS_SERVER: expected the path');
    executable(join(directory, 'old'), redisOf('6.0.16'));
    await expect(ensure({ REDIS_SERVER: join(directory, 'old') })).rejects.toThrow(
      'is version 6.0; expected Redis 7.0 or newer',
    );
  });

  it('requires Redis 7, because every process exits with an older one', async () => {
    executable(join(directory, 'mine'), redisOf('6.2.14'));
    await expect(ensure({ REDIS_SERVER: join(directory, 'mine') })).rejects.toThrow(
      'is version 6.2; expected Redis 7.0',
    );
    executable(join(directory, 'bin', 'redis-server'), redisOf('6.2.14'));
    await expect(ensure({})).rejects.toThrow('is version 6.2; expected Redis 7.0 or newer');
  });

  it('skips a version that is too old for a newer one in another folder', async () => {
    executable(join(directory, 'bin', 'redis-server'), redisOf('5.0.3'));
    executable(join(directory, 'opt', 'redis-server'), redisOf('7.0.0'));
    expect(await ensure({}, [join(directory, 'opt')])).toBe(join(directory, 'opt', 'redis-server'));
  });

  it('uses Valkey where there is no Redis', async () => {
    executable(join(directory, 'bin', 'valkey-server'), 'echo "Valkey server v=8.0.1 sha=00000000:0"');
    expect(await ensure({})).toBe(join(directory, 'bin', 'valkey-server'));
  });

  it('explains what to do without redis-server and apt', async () => {
    await expect(ensure({})).rejects.toThrow(
      /redis-server was not found, and there is no apt-get[\s\S]*brew install redis/,
    );
    executable(join(directory, 'bin', 'redis-server'), redisOf('5.0.3'));
    await expect(ensure({})).rejects.toThrow('is version 5.0; expected Redis 7.0 or newer');
  });

  it.skipIf(process.getuid?.() !== 0)(
    'installs it with apt-get, and updates the package lists if they are missing',
    async () => {
      const bin = join(directory, 'bin');
      // As on a fresh image: the first install fails, the one after the update succeeds.
      executable(
        join(bin, 'apt-get'),
        `PATH=/usr/bin:/bin
      echo "$DEBIAN_FRONTEND $*" >> ${directory}/apt
      case "$1" in
        update) touch ${directory}/updated ;;
        install) test -e ${directory}/updated || { echo "E: Unable to locate package"; exit 100; }
          printf '#!/bin/sh\\n%s\\n' '${redisOf('7.0.15')}' > ${bin}/redis-server; chmod +x ${bin}/redis-server ;;
      esac`,
      );
      // Commands that disable the packaged service must not affect this machine.
      for (const name of ['systemctl', 'service', 'update-rc.d']) executable(join(bin, name), 'exit 0');
      expect(await ensure({})).toBe(join(bin, 'redis-server'));
      expect(readFileSync(join(directory, 'apt'), 'utf8').trim().split('\n').slice(1)).toEqual([
        'noninteractive install --yes --no-install-recommends redis-server',
        'noninteractive update',
        'noninteractive install --yes --no-install-recommends redis-server',
      ]);
    },
  );
});

describe('isInstalled', () => {
  const packages = {
    '': { version: '1.0.0' },
    'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' },
    'node_modules/for-another-system': { version: '1.0.0', optional: true },
  };
  const { 'node_modules/a': a } = packages;

  async function isInstalled(installed: object | undefined): Promise<boolean> {
    writeFileSync(join(directory, 'package-lock.json'), JSON.stringify({ packages }));
    mkdirSync(join(directory, 'node_modules', 'a'), { recursive: true });
    const file = join(directory, 'node_modules', '.package-lock.json');
    if (installed !== undefined) writeFileSync(file, JSON.stringify({ packages: installed }));
    return (await script('prepare.mjs')).isInstalled(directory);
  }

  it('compares the lockfiles, and ignores packages for other systems', async () => {
    expect(await isInstalled(undefined)).toBe(false);
    expect(await isInstalled({ 'node_modules/a': a })).toBe(true);
    expect(await isInstalled({ 'node_modules/a': { ...a, version: '1.0.1' } })).toBe(false);
    expect(await isInstalled({ 'node_modules/a': { ...a, integrity: 'sha512-b' } })).toBe(false);
    expect(await isInstalled({ 'node_modules/a': a, 'node_modules/b': a })).toBe(false);
    expect(await isInstalled({})).toBe(false);
  });

  it('returns false when a package folder was removed by hand', async () => {
    await isInstalled({ 'node_modules/a': a });
    rmSync(join(directory, 'node_modules', 'a'), { recursive: true });
    expect((await script('prepare.mjs')).isInstalled(directory)).toBe(false);
  });
});

describe('withPrepareLock', () => {
  it('runs one task at a time', async () => {
    const { withPrepareLock } = await script('prepare-lock.mjs');
    const file = join(directory, 'lock');
    const order: string[] = [];
    let finish = () => {};
    const first = withPrepareLock(file, async () => {
      order.push('first begins');
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      order.push('first ends');
    });
    await eventually(() => existsSync(file));
    const second = withPrepareLock(file, () => order.push('second'));
    finish();
    await Promise.all([first, second]);
    expect(order).toEqual(['first begins', 'first ends', 'second']);
    expect(existsSync(file)).toBe(false);
  });

  it('releases the lock when the task fails', async () => {
    const { withPrepareLock } = await script('prepare-lock.mjs');
    const file = join(directory, 'lock');
    const failing = withPrepareLock(file, () => Promise.reject(new Error('no network')));
    await expect(failing).rejects.toThrow('no network');
    expect(existsSync(file)).toBe(false);
  });

  it('takes over the lock of a killed or unreachable holder', async () => {
    const { withPrepareLock } = await script('prepare-lock.mjs');
    const file = join(directory, 'lock');
    const { hostname } = await import('node:os');
    writeFileSync(file, `${hostname()} 999999999`);
    expect(await withPrepareLock(file, () => 'done')).toBe('done');
    writeFileSync(file, 'another-host 1');
    utimesSync(file, new Date(0), new Date(0));
    expect(await withPrepareLock(file, () => 'done')).toBe('done');
  });
});

describe('totalsOf', () => {
  const test = (state: string) => ({ result: () => ({ state }) });
  const suite = (errors: unknown[] = []) => ({ errors: () => errors });
  const module = (tests: object[], suites: object[] = [], errors: unknown[] = []) => ({
    ...suite(errors),
    children: { allTests: () => tests, allSuites: () => suites },
  });

  it('counts tests, and counts errors outside of tests as failures', async () => {
    const { totalsOf } = await script('vitest-totals.mjs');
    const passing = module([test('passed'), test('passed'), test('skipped')]);
    expect(totalsOf([passing], [])).toEqual({ passed: 2, failed: 0, skipped: 1 });
    expect(totalsOf([passing, module([test('failed'), test('pending')])], [])).toMatchObject({ failed: 2 });
    expect(totalsOf([module([], [], ['cannot be loaded'])], [])).toMatchObject({ failed: 1 });
    expect(totalsOf([module([test('skipped')], [suite(['beforeAll'])])], [])).toMatchObject({ failed: 1 });
    expect(totalsOf([passing], ['unhandled'])).toMatchObject({ failed: 1 });
  });
});
