// Backup and restore as documented: runs the lines of docs/operations.md unchanged against a real Redis, in the folders of
// `npm start` and of compose, and compares the restored data. A script replaces Docker and maps volumes to folders.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { ensureDevelopmentPki } from '@fleetbridge/pki';
import {
  AdmissionStore,
  acquireLease,
  connectRedis,
  partitionKeys,
  type RedisConnection,
  SnapshotStore,
  Store,
  SubscriptionStore,
  TokenStore,
  whenReady,
} from '@fleetbridge/store';
import { loadOrCreateApplicationKey, readApplication, writeApplication } from '@fleetbridge/tesla-account';
import { freePort } from '@fleetbridge/testing';
import { cleanupAfterEach } from '@fleetbridge/testing/cleanup';
import { afterAll, describe, expect, it } from 'vitest';
import { ensureBridgeToken } from '../src/commands/bridge-token.js';
import { openRedisDirectory } from '../src/redis/redis-directory.js';

const VIN = '5YJ3E1EA7KF000001';
const namespace = 'telemetry';
const root = mkdtempSync(path.join(tmpdir(), 'fleetbridge-backup-'));
const cleanUp = cleanupAfterEach();

afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Installation {
  /** The working directory of the lines. */
  folder: string;
  redis: string;
  data: string;
  start(): Promise<RedisConnection>;
  /** The environment of the lines. */
  env: Record<string, string>;
}

describe.each([
  { name: 'With `npm start`', install: ofNpmStart, last: 'npm start' },
  { name: 'With compose', install: ofCompose, last: 'docker compose up -d' },
])('$name', ({ name, install, last }) => {
  it('restores everything at another location with the lines of docs/operations.md, while records arrive', async () => {
    const older = await install('older');
    const newer = await install('newer');
    const before = await older.start();
    ensureDevelopmentPki({ directory: path.join(older.data, 'pki'), hosts: [], vins: [VIN] });
    const bridgeToken = ensureBridgeToken(path.join(older.data, 'tokens'));
    const { ids, token } = await fill(before);
    const account = await fillAccount(before, older.data);
    const during = setInterval(() => void append(before, 'later').catch(() => {}), 1);
    cleanUp.push(() => clearInterval(during));

    await run(linesOf('Backup', name), older);
    // no second copy remains, which `fleetbridge forget` would not delete
    expect(readdirSync(older.redis)).not.toContain('backup.rdb');
    const saved = await everything(before);
    await promisify(execFile)('cp', ['-a', path.join(older.folder, 'backup'), newer.folder]);
    const lines = linesOf('Restore', name);
    expect(lines.pop()).toBe(last);
    await run(lines, newer);

    const after = await newer.start();
    const restored = await everything(after);
    expect(restored.entries.slice(0, ids.length)).toEqual(saved.entries.slice(0, ids.length));
    expect(restored.entries.map(([id]) => id).slice(0, ids.length)).toEqual(ids);
    const { entries: _, ...others } = saved;
    expect(restored).toMatchObject(others);
    expect(await new TokenStore({ redis: after, namespace }).grantOf(token)).toMatchObject({ vin: VIN });
    expect(files(path.join(newer.data, 'pki'))).toEqual(files(path.join(older.data, 'pki')));
    expect(readFileSync(path.join(newer.data, 'tokens'), 'utf8').trim()).toBe(bridgeToken);
    expect(files(path.join(newer.data, 'tesla'))).toEqual(files(path.join(older.data, 'tesla')));
    expect(statSync(path.join(newer.data, 'tesla', 'application-key.pem')).mode & 0o777).toBe(0o600);
    const accountOf = (data: string) => readApplication(storeOf(after), path.join(data, 'tesla'));
    expect(await accountOf(newer.data)).toEqual(account);
    // the folder of another backup
    loadOrCreateApplicationKey(path.join(root, `other-${name}`, 'tesla'));
    await expect(accountOf(path.join(root, `other-${name}`))).rejects.toMatchObject({
      problem: 'encryption_key_missing',
      remedy: expect.stringContaining('the vehicles stay paired'),
    });
    expect(statSync(path.join(older.folder, 'backup')).mode & 0o777).toBe(0o700);

    // the restored log accepts records and stores them on disk from the first one
    const id = await append(after, 'new');
    await after.call('SHUTDOWN', 'NOSAVE').catch(() => {});
    const again = await newer.start();
    const [newest] = await again.xrevrange(partitionKeys(namespace, 0).records, '+', '-', 'COUNT', 1);
    expect([newest?.[0], await again.xlen(partitionKeys(namespace, 0).records)]).toEqual([
      id,
      restored.entries.length + 1,
    ]);
  }, 60_000);
});

/** The lines of the code block after these words in a section. */
function linesOf(chapter: string, words: string): string[] {
  const page = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8');
  const [, text = ''] = new RegExp(`\n## ${chapter}\n(.*?)\n## `, 's').exec(page) ?? [];
  const [, block = ''] = /^[^\n]*\n\n```sh\n(.*?)\n```/s.exec(text.slice(text.indexOf(words))) ?? [];
  expect(block).not.toBe('');
  return block.split('\n');
}

async function run(lines: readonly string[], { folder, env }: Installation): Promise<void> {
  await promisify(execFile)('sh', ['-euc', lines.join('\n')], { cwd: folder, env: { PATH: process.env.PATH, ...env } });
}

function ofNpmStart(name: string): Installation {
  const folder = path.join(root, `npm-${name}`);
  const data = path.join(folder, 'data');
  const redis = path.join(data, 'redis');
  mkdirSync(data, { recursive: true });
  const start = async () => {
    const { url, configFile } = await openRedisDirectory({ directory: redis, print: () => {}, shutdownSeconds: 1 });
    return await startRedis(url, [configFile]);
  };
  return { folder, redis, data, start, env: {} };
}

async function ofCompose(name: string): Promise<Installation> {
  const folder = path.join(root, `compose-${name}`);
  const volumes = path.join(root, `volumes-${name}`);
  const redis = path.join(volumes, 'redis');
  for (const volume of ['redis', 'data', 'certificates']) mkdirSync(path.join(volumes, volume), { recursive: true });
  const programs = path.join(folder, 'programs');
  mkdirSync(programs, { recursive: true });
  writeFileSync(path.join(folder, '.env'), 'REDIS_PASSWORD=secret\n');
  writeFileSync(path.join(programs, 'docker'), DOCKER_WITH_FOLDERS, { mode: 0o755 });
  // without root, chown would fail
  if (process.getuid?.() !== 0) writeFileSync(path.join(programs, 'chown'), '#!/bin/sh\n', { mode: 0o755 });
  const port = String(await freePort());
  const settings = ['--port', port, '--bind', '127.0.0.1', '--requirepass', 'secret', '--dir', redis];
  const asCompose = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''];
  const start = () => startRedis(`redis://:secret@127.0.0.1:${port}`, [...settings, ...asCompose]);
  const env = {
    PATH: `${programs}:${process.env.PATH}`,
    VOLUMES: volumes,
    REDIS_PORT: port,
    REDISCLI_AUTH: 'secret',
  };
  return { folder, redis, data: path.join(volumes, 'data'), start, env };
}

const DOCKER_WITH_FOLDERS = `#!/bin/sh -eu
case "$1 $2" in
  'compose exec') shift 4 ;;
  'compose '*) exit 0 ;;
  'run '*) while [ "\${1#redis:}" = "$1" ]; do shift; done; shift ;;
esac
count=$#
while [ "$count" -gt 0 ]; do
  inside=$(printf %s "$1" | sed "s#/volumes#$VOLUMES#g; s#^/data/#$VOLUMES/redis/#")
  shift
  set -- "$@" "$inside"
  count=$((count - 1))
done
if [ "$1" = redis-cli ]; then shift; set -- redis-cli -p "$REDIS_PORT" "$@"; fi
exec "$@"
`;

async function startRedis(url: string, args: readonly string[]): Promise<RedisConnection> {
  const child: ChildProcess = spawn(process.env.REDIS_SERVER ?? 'redis-server', args, { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const redis = connectRedis({ url, name: 'test' });
  cleanUp.push(async () => {
    redis.disconnect();
    child.kill('SIGKILL');
    await ended;
  });
  await whenReady(redis, 10_000);
  // otherwise Redis waits five seconds for further replicas
  await redis.config('SET', 'repl-diskless-sync-delay', '0');
  return redis;
}

/** Writes data of every kind. Returns the ids of the records, and a token. */
async function fill(redis: RedisConnection): Promise<{ ids: string[]; token: string }> {
  const log = new Store({ redis, url: '', namespace, partitions: 1 });
  const keys = partitionKeys(namespace, 0);
  const ids: string[] = [];
  await new SubscriptionStore(log).create(
    { name: 'home', origin: 'cli', definition: { log: true } },
    { from: 'now', nowMs: 1 },
  );
  for (let n = 0; n < 500; n++) ids.push(await append(redis, `${n}`));
  await redis.xreadgroup('GROUP', 'home', 'holder', 'COUNT', 3, 'STREAMS', keys.records, '>');
  const lease = (await acquireLease(log, { partition: 0, name: 'snapshot', owner: 'test', leaseMs: 60_000 }))!;
  const changes = new Map([[VIN, { Soc: '55.5', Odometer: '1 2' }]]);
  await new SnapshotStore(log).commit(0, { lease, cursor: ids.at(-1)!, changes });
  const { token } = await new TokenStore(log).create({ vin: VIN, label: 'teslamate', nowMs: 1 });
  await new AdmissionStore(log).set([VIN], 'allow');
  return { ids, token };
}

async function fillAccount(redis: RedisConnection, data: string) {
  const directory = path.join(data, 'tesla');
  loadOrCreateApplicationKey(directory);
  const application = { domain: 'cars.example.com', clientId: 'client', clientSecret: 'a secret of the application' };
  await writeApplication(storeOf(redis), directory, application);
  return application;
}

function storeOf(redis: RedisConnection): Store {
  return new Store({ redis, url: '', namespace, partitions: 1 });
}

async function append(redis: RedisConnection, txid: string): Promise<string> {
  const payload = Buffer.from([0, 255, 10, 13, 200]);
  return (await redis.xadd(partitionKeys(namespace, 0).records, '*', 'vin', VIN, 'txid', txid, 'payload', payload))!;
}

async function everything(redis: RedisConnection) {
  const log = new Store({ redis, url: '', namespace, partitions: 1 });
  const keys = partitionKeys(namespace, 0);
  return {
    entries: (await redis.xrangeBuffer(keys.records, '-', '+')).map(
      ([id, fields]) => [id.toString(), fields.map((field) => field.toString('hex'))] as const,
    ),
    snapshot: await new SnapshotStore(log).read(VIN),
    tokens: await new TokenStore(log).list(),
    subscriptions: await new SubscriptionStore(log).list(),
    pending: await redis.xpending(keys.records, 'home'),
    admission: await new AdmissionStore(log).read(),
  };
}

/** Name, mode and content of each file. */
function files(folder: string): [string, number, string][] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort()
    .map((file) => [path.relative(folder, file), statSync(file).mode & 0o777, readFileSync(file, 'utf8')]);
}
