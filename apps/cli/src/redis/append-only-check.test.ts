import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@fleetbridge/testing';
import { expect, it } from 'vitest';
import { appendOnlyAdvice } from './append-only-check.js';

const redisServer = process.env.REDIS_SERVER ?? 'redis-server';

it('names the damaged file, its readable bytes and the commands, which repair it', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'fleetbridge-aof-'));
  const folder = join(directory, 'appendonlydir');
  mkdirSync(folder);
  const command = (...words: string[]) =>
    `*${words.length}\r\n${words.map((w) => `$${w.length}\r\n${w}\r\n`).join('')}`;
  const good = command('SELECT', '0') + command('SET', 'a', '1');
  writeFileSync(join(folder, 'appendonly.aof.1.incr.aof'), `${good}\0\0\0 damaged ${command('SET', 'b', '2')}`);
  writeFileSync(join(folder, 'appendonly.aof.manifest'), 'file appendonly.aof.1.incr.aof seq 1 type i\n');
  const start = async () => {
    const args = ['--port', String(await freePort()), '--dir', directory, '--appendonly', 'yes', '--bind', '127.0.0.1'];
    return spawnSync(redisServer, args, { encoding: 'utf8', timeout: 5_000 });
  };
  const { stdout } = await start();
  const advice = appendOnlyAdvice(stdout, { directory, redisServer });
  expect(advice).toContain(`${folder}/appendonly.aof.1.incr.aof is damaged`);
  expect(advice).toMatch(new RegExp(`${good.length} of its \\d+ bytes are readable`));
  const commands = advice!
    .split('\n')
    .slice(2)
    .map((line) => line.trim());
  for (const line of commands) spawnSync('sh', ['-c', `yes | ${line}`]);
  expect(readFileSync(join(folder, 'appendonly.aof.1.incr.aof'), 'utf8')).toBe(good);
  expect(readFileSync(join(`${directory}.damaged`, 'appendonlydir', 'appendonly.aof.1.incr.aof'), 'utf8')).toContain(
    'damaged',
  );
  expect(appendOnlyAdvice('Address already in use', { directory, redisServer })).toBeUndefined();
  for (const path of [directory, `${directory}.damaged`]) rmSync(path, { recursive: true });
});
