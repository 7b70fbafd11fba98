// The scripts that run on a fresh clone before anything is built.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
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
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
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
    writeFileSync(file, `${hostname()} 999999999`);
    expect(await withPrepareLock(file, () => 'done')).toBe('done');
    writeFileSync(file, 'another-host 1');
    utimesSync(file, new Date(0), new Date(0));
    expect(await withPrepareLock(file, () => 'done')).toBe('done');
  });
});

describe('an interrupted installation', () => {
  const prepareIn = () => {
    const module = new URL('../scripts/prepare.mjs', import.meta.url).href;
    const body = `const { prepare, runScript } = await import('${module}'); await runScript(() => prepare('${directory}'));`;
    const env = { PATH: `${join(directory, 'bin')}:${process.env.PATH}` };
    const child = spawn(process.execPath, ['--input-type=module', '-e', body], { env });
    let text = '';
    child.stderr.on('data', (chunk) => {
      text += chunk;
    });
    return { child, closed: once(child, 'close'), text: () => text };
  };
  const lock = () => join(directory, '.turbo', 'prepare.lock');
  const has = (name: string) => existsSync(join(directory, name));

  it('waits for npm, keeps the lock until then, exits with 130, and the next one works', async () => {
    const packages = { '': { version: '1.0.0' } };
    writeFileSync(join(directory, 'package-lock.json'), JSON.stringify({ packages }));
    const turbo = join(directory, 'turbo-source');
    writeFileSync(turbo, '');
    executable(
      join(directory, 'bin', 'npm'),
      `trap '' INT; cd ${directory}; test -e began && exec sh finish; touch began; sleep 0.8; touch ended`,
    );
    const first = prepareIn();
    await eventually(() => has('began'));
    first.child.kill('SIGINT');
    await eventually(() => first.text().includes('stopping npm …'));
    expect([has('ended'), existsSync(lock())]).toEqual([false, true]);
    // the terminal and npm both send it
    first.child.kill('SIGINT');
    expect(await first.closed).toEqual([130, null]);
    expect([has('ended'), existsSync(lock())]).toEqual([true, false]);

    writeFileSync(
      join(directory, 'finish'),
      `mkdir -p node_modules/turbo/bin; cp turbo-source node_modules/turbo/bin/turbo; cp package-lock.json node_modules/.package-lock.json`,
    );
    const second = prepareIn();
    expect([await second.closed, second.text()]).toEqual([
      [0, null],
      expect.stringContaining('installing the dependencies'),
    ]);
  });

  if (process.env.TEST_LONG !== '1') {
    console.log('skipped: an installation that is interrupted at each second (half a minute): npm run test:long');
  }
  it.skipIf(process.env.TEST_LONG !== '1')(
    'interrupted at each second of an installation whose npm ignores the signal for 3 s, the next one works',
    async () => {
      writeFileSync(join(directory, 'package-lock.json'), JSON.stringify({ packages: { '': { version: '1.0.0' } } }));
      writeFileSync(join(directory, 'turbo-source'), '');
      executable(
        join(directory, 'bin', 'npm'),
        [
          `trap 'stop=1' INT; cd ${directory}; rm -rf node_modules; mkdir -p node_modules/half`,
          'for step in 1 2 3 4; do touch node_modules/half/$step; sleep 1',
          // npm rolls back, and removes what it had installed
          'if [ -n "$stop" ]; then sleep 3; rm -r node_modules/half/1 || touch fought; exit 130; fi; done',
          'mkdir -p node_modules/turbo/bin; cp turbo-source node_modules/turbo/bin/turbo',
          'cp package-lock.json node_modules/.package-lock.json',
        ].join('\n'),
      );
      for (const second of [0, 1, 2, 3]) {
        const interrupted = prepareIn();
        await eventually(() => has('node_modules/half/1'));
        await delay(second * 1_000);
        interrupted.child.kill('SIGINT');
        const [code] = await interrupted.closed;
        expect([second, code, existsSync(lock()), has('fought')]).toEqual([second, 130, false, false]);
        rmSync(join(directory, 'node_modules', 'half'), { recursive: true, force: true });
      }
      const last = prepareIn();
      expect(await last.closed, last.text()).toEqual([0, null]);
    },
    120_000,
  );

  it('exits at once while it waits for another command', async () => {
    writeFileSync(join(directory, 'package-lock.json'), '{');
    mkdirSync(join(directory, '.turbo'));
    writeFileSync(lock(), `${hostname()} ${process.pid}`);
    const waiting = prepareIn();
    await eventually(() => waiting.text().includes('waiting for it'));
    waiting.child.kill('SIGTERM');
    expect(await waiting.closed).toEqual([143, null]);
  });
});

describe('isBuilt', () => {
  it('is true until something that the build reads changes', async () => {
    const { isBuilt, markBuilt } = await script('built.mjs');
    const write = (path: string, secondsAgo: number) => {
      mkdirSync(join(directory, path, '..'), { recursive: true });
      writeFileSync(join(directory, path), '');
      const time = new Date(Date.now() - secondsAgo * 1000);
      for (let at = join(directory, path); at !== directory; at = join(at, '..')) utimesSync(at, time, time);
    };
    for (const path of [
      'package-lock.json',
      'node_modules/.package-lock.json',
      'packages/store/src/index.ts',
      'apps/cli/dist/main.js',
      'apps/cli/src/main.ts',
    ])
      write(path, 100);
    expect(isBuilt(directory)).toBe(false);
    mkdirSync(join(directory, '.turbo'));
    markBuilt(directory, Date.now() - 50_000);
    expect(isBuilt(directory)).toBe(true);
    write('packages/store/src/index.ts', 10);
    expect(isBuilt(directory)).toBe(false);
    markBuilt(directory, Date.now() - 5_000);
    expect(isBuilt(directory)).toBe(true);
    rmSync(join(directory, 'apps/cli/src/main.ts'));
    expect(isBuilt(directory)).toBe(false);
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
