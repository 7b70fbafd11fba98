// Prepares a fresh clone for any command: checks the Node version, installs the dependencies, builds. Node builtins only,
// because nothing is installed yet. Prints to stderr; stdout belongs to the command.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withPrepareLock } from './prepare-lock.mjs';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Resolves when dependencies and build are up to date; throws `ScriptError` with what to do. Quick when nothing changed. */
export async function prepare() {
  requireNode();
  mkdirSync(join(root, '.turbo'), { recursive: true });
  await withPrepareLock(join(root, '.turbo', 'prepare.lock'), async () => {
    if (!isInstalled(root)) await install();
    await build();
  });
}

/** A failure that needs no stack: its message contains the problem and what to do. */
export class ScriptError extends Error {}

export function print(line) {
  process.stderr.write(`fleetbridge: ${line}\n`);
}

/** Runs a script's body. On failure prints the message and exits with code 1. */
export async function runScript(body) {
  try {
    await body();
  } catch (error) {
    process.stderr.write(`${error instanceof ScriptError ? error.message : error.stack}\n`);
    process.exit(1);
  }
}

function requireNode() {
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const [major, minor] = engines.node.replace(/^\D+/, '').split('.').map(Number);
  const [ownMajor, ownMinor] = process.versions.node.split('.').map(Number);
  if (ownMajor > major || (ownMajor === major && ownMinor >= minor)) return;
  throw new ScriptError(
    `fleetbridge needs Node ${major}.${minor} or newer; this is ${process.version} (${process.execPath}).\n` +
      'Install a newer one (https://nodejs.org, your package manager, or `nvm install 24`) and run the command again.',
  );
}

/**
 * Whether node_modules holds what package-lock.json asks for. npm keeps a lockfile of what it installed in there; the
 * contents are compared, because a checkout changes the files' times but not their contents.
 */
export function isInstalled(directory) {
  const wanted = readPackages(join(directory, 'package-lock.json'));
  const installed = readPackages(join(directory, 'node_modules', '.package-lock.json'));
  if (wanted === undefined || installed === undefined) return false;
  const isSame = (path) =>
    installed[path]?.version === wanted[path].version && installed[path]?.integrity === wanted[path].integrity;
  const isMissing = (path) => !(path in installed) || !existsSync(join(directory, path));
  // Packages for other systems are in the lockfile too, as optional ones, and were never installed here.
  return (
    Object.keys(wanted).every(
      (path) => path === '' || (isMissing(path) ? wanted[path].optional === true : isSame(path)),
    ) && Object.keys(installed).every((path) => path in wanted)
  );
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    // Missing, or truncated by an interrupted install: install again.
    return undefined;
  }
}

async function install() {
  print('installing the dependencies (npm ci), a minute or so …');
  // Build and tests need the development dependencies, regardless of NODE_ENV.
  const { code, output } = await run('npm', ['ci', '--include=dev', '--no-audit', '--no-fund']);
  if (code === 0) return;
  throw new ScriptError(
    `${output}\nThe dependencies could not be installed: \`npm ci\` in ${root} failed (${code}); its output is above.\n` +
      'The usual reasons are a network or proxy in between (npm config get registry, npm config get proxy), a full disk, ' +
      'or a node_modules folder that belongs to another user. Correct it and run the command again.',
  );
}

async function build() {
  // A fully cached build takes a moment and needs no line.
  const slow = setTimeout(() => print('building …'), 1500);
  const turbo = join(root, 'node_modules', 'turbo', 'bin', 'turbo');
  const { code, output } = await run(process.execPath, [turbo, 'run', 'build', '--output-logs=errors-only']);
  clearTimeout(slow);
  if (code === 0) return;
  throw new ScriptError(
    `${output}\nThe build failed; its output is above. If you changed no source, run \`npm ci\` and try again.`,
  );
}

/** The child's output is kept and only shown when it fails. */
function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1', TURBO_NO_UPDATE_NOTIFIER: '1', TURBO_UI: 'false' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const keep = (chunk) => {
      output = (output + chunk).slice(-200_000);
    };
    child.stdout.setEncoding('utf8').on('data', keep);
    child.stderr.setEncoding('utf8').on('data', keep);
    const interrupt = (signal) => {
      child.kill(signal);
      process.exit(signal === 'SIGINT' ? 130 : 143);
    };
    const end = (settle) => {
      process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
      settle();
    };
    process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
    child.once('error', (cause) => end(() => reject(new ScriptError(`can't run ${command}: ${cause.message}`))));
    child.once('close', (code, signal) => end(() => resolve({ code: code ?? signal, output })));
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await runScript(() => prepare());
