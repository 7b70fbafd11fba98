// Whether the clone is installed and built, without starting a build tool: nothing that the build reads is newer than the
// last successful build.
import { readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const stampOf = (directory) => join(directory, '.turbo', 'built');

/** Call it after a successful build with the time at which the build started. */
export function markBuilt(directory, startedMs) {
  writeFileSync(stampOf(directory), '');
  utimesSync(stampOf(directory), startedMs / 1000, startedMs / 1000);
}

export function isBuilt(directory) {
  const builtMs = modifiedMs(stampOf(directory));
  const needed = ['node_modules/.package-lock.json', 'apps/cli/dist/main.js'];
  if (builtMs === undefined || needed.some((path) => modifiedMs(join(directory, path)) === undefined)) return false;
  const packages = ['apps', 'packages'].flatMap((parent) => {
    const folder = join(directory, parent);
    return readdirSync(folder).map((name) => join(folder, name));
  });
  const inputs = [
    ...['package.json', 'package-lock.json', 'turbo.json', 'tsconfig.base.json', 'proto'].map((name) =>
      join(directory, name),
    ),
    ...packages.flatMap((folder) => ['package.json', 'tsconfig.build.json', 'src'].map((name) => join(folder, name))),
  ];
  return inputs.every((path) => !isNewer(path, builtMs));
}

/** Folders count too: their time changes when a file is removed. */
function isNewer(path, timeMs) {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return false;
  if (stats.mtimeMs > timeMs) return true;
  return stats.isDirectory() && readdirSync(path).some((name) => isNewer(join(path, name), timeMs));
}

function modifiedMs(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}
