// Finds a redis-server that is new enough, or installs one with apt where no password is needed for that. Otherwise the
// error has the commands to type.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { print, runScript, ScriptError } from './prepare.mjs';

// The scripts of packages/store need the script flags of Redis 7.0; every process exits with an older one (RedisTooOld in
// packages/store). The first Valkey is 7.2 and has them.
const OLDEST_MAJOR = 7;
const EXPECTED = `Redis ${OLDEST_MAJOR}.0 or newer, or Valkey`;
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
// Fedora and others have Valkey instead of Redis: the same protocol, commands and configuration.
const NAMES = ['redis-server', 'valkey-server'];

/** The path of a usable redis-server; throws `ScriptError` if the machine has no redis-server and installing one failed. */
export function ensureRedisServer({ env = process.env, folders = USUAL_FOLDERS } = {}) {
  if (env.REDIS_SERVER) return chosenRedisServer(env.REDIS_SERVER);
  const present = findRedisServer({ env, folders });
  if (present.path !== undefined) return present.path;
  const problem = installByApt(env);
  const installed = findRedisServer({ env, folders });
  if (installed.path !== undefined) return installed.path;
  throw new ScriptError(whatToDo(installed.tooOld, problem));
}

/** Sets REDIS_SERVER in this process' environment, unless REDIS_URL names a running Redis. */
export function provideRedisServer() {
  if (process.env.REDIS_URL?.trim()) return;
  process.env.REDIS_SERVER = ensureRedisServer();
}

function chosenRedisServer(path) {
  const version = versionOf(path);
  if (version === undefined) {
    throw new ScriptError(`REDIS_SERVER: expected the path of a redis-server that can be run, got "${path}"`);
  }
  if (version.major < OLDEST_MAJOR) {
    throw new ScriptError(`REDIS_SERVER: ${path} is version ${version.text}; expected ${EXPECTED}`);
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
      if (version.major >= OLDEST_MAJOR) return { path };
      tooOld ??= `${path} is version ${version.text}`;
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
  return match === null ? undefined : { major: Number(match[1]), text: `${match[1]}.${match[2]}` };
}

/** Undefined when apt has installed it, otherwise why it could not. */
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
  // sudo clears the environment, so env sets the variable for apt.
  const asRoot = (command, args) =>
    isRoot ? run(command, args) : run('sudo', ['-n', 'env', 'DEBIAN_FRONTEND=noninteractive', command, ...args]);

  print('installing redis-server (apt-get install redis-server) …');
  const install = () => asRoot('apt-get', ['install', '--yes', '--no-install-recommends', 'redis-server']);
  let result = install();
  if (result.status !== 0) {
    // A new image has no package lists, and an old one has outdated ones.
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

/** Debian's package starts a Redis without a password on port 6379; fleetbridge starts its own. */
function stopPackagedService(asRoot) {
  if (existsSync('/run/systemd/system')) {
    asRoot('systemctl', ['disable', '--now', 'redis-server.service']);
  } else if (existsSync('/etc/init.d/redis-server')) {
    asRoot('service', ['redis-server', 'stop']);
    asRoot('update-rc.d', ['redis-server', 'disable']);
  } else {
    return;
  }
  print('installed; the service of the package is disabled, fleetbridge runs its own Redis');
}

function whatToDo(tooOld, problem) {
  return [
    tooOld === undefined
      ? `redis-server was not found, and ${problem ?? 'apt installed it without effect'}.`
      : `${tooOld}; expected ${EXPECTED}, and ${problem ?? 'apt has no newer version'}.`,
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
