// Finds a redis-server that is new enough, or installs one with apt where that is possible without asking for a
// password. Where it is not, the error says what to type.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runScript, ScriptError, say } from './prepare.mjs';

// 6.2 is the first with the commands that packages/store is written in (XAUTOCLAIM, XADD … MINID).
const OLDEST = [6, 2];
const USUAL_FOLDERS = [
  '/usr/bin',
  '/usr/local/bin',
  '/usr/sbin',
  '/usr/local/sbin',
  '/opt/homebrew/bin',
  '/opt/homebrew/opt/redis/bin',
  '/usr/local/opt/redis/bin',
  '/opt/local/bin',
  '/snap/bin',
];
// Valkey is what Fedora and others have in Redis' place; the same protocol, commands and configuration.
const NAMES = ['redis-server', 'valkey-server'];

/** The path of a usable redis-server; throws `ScriptError` when there is none and none could be installed. */
export function ensureRedisServer({ env = process.env, folders = USUAL_FOLDERS } = {}) {
  if (env.REDIS_SERVER) return chosenRedisServer(env.REDIS_SERVER);
  const present = findRedisServer({ env, folders });
  if (present.path !== undefined) return present.path;
  const problem = installByApt(env);
  const installed = findRedisServer({ env, folders });
  if (installed.path !== undefined) return installed.path;
  throw new ScriptError(whatToDo(installed.tooOld, problem));
}

/**
 * Names the redis-server for whatever runs next in this process' environment; nothing to do when REDIS_URL names a
 * running one.
 */
export function provideRedisServer() {
  if (process.env.REDIS_URL?.trim()) return;
  process.env.REDIS_SERVER = ensureRedisServer();
}

function chosenRedisServer(path) {
  const version = versionOf(path);
  if (version === undefined) {
    throw new ScriptError(`REDIS_SERVER: expected the path of a redis-server that can be run, got "${path}"`);
  }
  if (isOldEnoughToRefuse(version)) {
    throw new ScriptError(
      `REDIS_SERVER: ${path} is version ${version.join('.')}; ${OLDEST.join('.')} is the oldest that works`,
    );
  }
  return path;
}

function findRedisServer({ env, folders }) {
  let tooOld;
  const places = [...(env.PATH ?? '').split(delimiter).filter((folder) => folder !== ''), ...folders];
  for (const name of NAMES) {
    for (const path of new Set(places.map((folder) => join(folder, name)))) {
      if (!isExecutable(path)) continue;
      const version = versionOf(path);
      if (version === undefined) continue;
      if (!isOldEnoughToRefuse(version)) return { path };
      tooOld ??= `${path} is version ${version.join('.')}`;
    }
  }
  return { tooOld };
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

// "Redis server v=7.0.15 sha=…", "Valkey server v=8.0.1 sha=…"
function versionOf(path) {
  const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 10_000 });
  const match = /\bv=(\d+)\.(\d+)/.exec(stdout ?? '');
  return match === null ? undefined : [Number(match[1]), Number(match[2])];
}

function isOldEnoughToRefuse([major, minor]) {
  return major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]);
}

/** Why it was not possible, or undefined when apt says that it is installed. */
function installByApt(env) {
  const run = (command, args) =>
    spawnSync(command, args, {
      env: { ...env, DEBIAN_FRONTEND: 'noninteractive' },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  if (run('apt-get', ['--version']).status !== 0) return 'there is no apt-get here to install it with';
  const isRoot = process.getuid?.() === 0;
  if (!isRoot && run('sudo', ['-n', 'true']).status !== 0) {
    return 'installing it needs root, and sudo asks for a password';
  }
  // sudo cleans the environment, so what apt must know travels as arguments of env.
  const asRoot = (command, args) =>
    isRoot ? run(command, args) : run('sudo', ['-n', 'env', 'DEBIAN_FRONTEND=noninteractive', command, ...args]);

  say('installing redis-server (apt-get install redis-server) …');
  const install = () => asRoot('apt-get', ['install', '--yes', '--no-install-recommends', 'redis-server']);
  let result = install();
  if (result.status !== 0) {
    // A fresh image has no package lists, an old one stale ones.
    asRoot('apt-get', ['update']);
    result = install();
  }
  if (result.status !== 0) {
    const lastLines = `${result.stdout ?? ''}${result.stderr ?? ''}`.trim().split('\n').slice(-5).join('\n  ');
    return `apt-get install redis-server failed:\n  ${lastLines}`;
  }
  stopPackagedService(asRoot);
  return undefined;
}

/** Debian starts a Redis without a password on port 6379 for whoever installs the package; ours is a child of our own. */
function stopPackagedService(asRoot) {
  if (existsSync('/run/systemd/system')) {
    asRoot('systemctl', ['disable', '--now', 'redis-server.service']);
  } else if (existsSync('/etc/init.d/redis-server')) {
    asRoot('service', ['redis-server', 'stop']);
    asRoot('update-rc.d', ['redis-server', 'disable']);
  } else {
    return;
  }
  say('installed; the service that the package brings is switched off, fleetbridge runs a Redis of its own');
}

function whatToDo(tooOld, problem) {
  return [
    tooOld === undefined
      ? `redis-server was not found, and ${problem ?? 'not even after its installation'}.`
      : `${tooOld}; fleetbridge needs Redis ${OLDEST.join('.')} or newer, and ${problem ?? 'apt has no newer one'}.`,
    'Do one of these and run the command again:',
    '  Debian, Ubuntu   sudo apt-get install redis-server && sudo systemctl disable --now redis-server',
    '  Fedora           sudo dnf install valkey',
    '  Alpine           apk add redis',
    '  macOS            brew install redis',
    '  elsewhere        REDIS_SERVER=/path/to/redis-server',
    '  a running Redis  REDIS_URL=redis://user:password@host:6379 (with appendonly yes, or acknowledged records may be lost)',
  ].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await runScript(() => process.stdout.write(`${ensureRedisServer()}\n`));
}
