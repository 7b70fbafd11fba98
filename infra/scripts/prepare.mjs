// Prepares a fresh clone for any command: checks the Node version, installs the dependencies, builds. Node builtins only,
// because nothing is installed yet. Prints to stderr; stdout belongs to the command.
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { markBuilt } from './built.mjs';
import { interruptible } from './interruptible.mjs';
import { withPrepareLock } from './prepare-lock.mjs';
import { print, runScript, ScriptError } from './script.mjs';

export { print, runScript, ScriptError } from './script.mjs';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Resolves when dependencies and build are up to date; throws `ScriptError` with what to do. Quick when nothing changed. */
export async function prepare(directory = root) {
  requireNode();
  mkdirSync(join(directory, '.turbo'), { recursive: true });
  await interruptible((run) =>
    withPrepareLock(join(directory, '.turbo', 'prepare.lock'), async () => {
      const startedMs = Date.now();
      if (!isInstalled(directory)) await install(directory, run);
      linkCommand(directory);
      await build(directory, run);
      markBuilt(directory, startedMs);
    }),
  );
}

/** Throws if this Node is too old. */
export function requireNode() {
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

async function install(directory, run) {
  print('installing the dependencies (npm ci), a minute or so …');
  // Build and tests need the development dependencies, regardless of NODE_ENV. No dependency needs its install scripts,
  // which would run code of a compromised package.
  const options = ['--ignore-scripts', '--include=dev', '--no-audit', '--no-fund'];
  const { code, output } = await run('npm', ['ci', ...options], directory);
  if (code === 0) return;
  throw new ScriptError(
    `${output}\nThe dependencies could not be installed: \`npm ci\` in ${directory} failed (${code}); its output is above.\n` +
      'The usual reasons are a network or proxy in between (npm config get registry, npm config get proxy), a full disk, ' +
      'or a node_modules folder that belongs to another user. Correct it and run the command again.',
  );
}

/** `npm ci` links the command of `npx fleetbridge`; a clone that was installed before it had one gets the link here. */
function linkCommand(directory) {
  const link = join(directory, 'node_modules', '.bin', 'fleetbridge');
  if (existsSync(link) || !existsSync(join(directory, 'apps', 'cli', 'bin'))) return;
  try {
    mkdirSync(join(link, '..'), { recursive: true });
    symlinkSync('../../apps/cli/bin/fleetbridge.mjs', link);
  } catch {
    // Without the link npx finds the command in package.json, which takes longer.
  }
}

async function build(directory, run) {
  // A fully cached build takes a moment and needs no line.
  const slow = setTimeout(() => print('building …'), 1500);
  const turbo = join(directory, 'node_modules', 'turbo', 'bin', 'turbo');
  const { code, output } = await run(process.execPath, [turbo, 'run', 'build', '--output-logs=errors-only'], directory);
  clearTimeout(slow);
  if (code === 0) return;
  throw new ScriptError(
    `${output}\nThe build failed; its output is above. If you changed no source, run \`npm ci\` and try again.`,
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await runScript(() => prepare());
