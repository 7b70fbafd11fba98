// `npm run bundle`: one file an app in infra/dist, without node_modules. The images contain these files
// (infra/Dockerfile), and infra/test/bundles.test.ts tests them.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { builtinModules, createRequire } from 'node:module';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { prepare, root, runScript, ScriptError } from './prepare.mjs';

const apps = ['ingest', 'dispatcher', 'streaming', 'cli'];

/**
 * Bundles what `npm run build` has made into `<app>.mjs` and LICENSES.txt. Resolves to the files' paths; throws
 * ScriptError when something would have to be found at run time.
 */
export async function bundle(directory) {
  const { rolldown } = await import('rolldown');
  mkdirSync(directory, { recursive: true });
  const files = [];
  const packages = new Set();
  for (const app of apps) {
    const troubles = [];
    const input = await rolldown({
      input: join(root, 'apps', app, 'dist', 'main.js'),
      platform: 'node',
      resolve: { alias: withFilesInside() },
      onLog: (level, { code, message }) => {
        if (level === 'warn') troubles.push(`${code}: ${message}`);
      },
    });
    const { output } = await input.generate({ format: 'esm', codeSplitting: false });
    await input.close();
    const [chunk] = output;
    troubles.push(...output.slice(1).map(({ fileName }) => `a second file, ${fileName}`));
    troubles.push(...chunk.imports.filter((name) => !isBuiltin(name)).map((name) => `${name} is not inside`));
    troubles.push(...unknownRequires(chunk.code).map((name) => `require('${name}') is not inside`));
    if (troubles.length > 0) throw new ScriptError(`the bundle of ${app} is not whole:\n  ${troubles.join('\n  ')}`);
    for (const module of Object.keys(chunk.modules)) packages.add(packageOf(module));
    files.push(join(directory, `${app}.mjs`));
    writeFileSync(files.at(-1), chunk.code);
  }
  packages.delete(undefined);
  writeFileSync(join(directory, 'LICENSES.txt'), [...packages].sort().map(licenseOf).join('\n'));
  return files;
}

/** Packages that read files beside their own at run time, and what has those files inside. */
function withFilesInside() {
  const { resolve } = createRequire(
    createRequire(join(root, 'packages/delivery/package.json')).resolve('@platformatic/kafka'),
  );
  return { '@platformatic/wasm-utils': resolve('@platformatic/wasm-utils/bundled') };
}

const isBuiltin = (name) => name.startsWith('node:') || builtinModules.includes(name);

/** Natively compiled helpers of ws and the Kafka client, each tried and done without; and of debug, colours. */
const OPTIONAL = new Set(['bufferutil', 'utf-8-validate', '@node-rs/crc32', 'supports-color']);

/** What is left of require calls: rolldown turns them into `__require`, which would look in node_modules. */
function unknownRequires(code) {
  const calls = code.matchAll(/(?:__require|createRequire\(import\.meta\.url\))\(["'`]([^"'`]+)["'`]\)/g);
  return [...new Set([...calls].map(([, name]) => name))].filter((name) => !isBuiltin(name) && !OPTIONAL.has(name));
}

/** The folder in node_modules that a module is in; nothing for our own. */
function packageOf(module) {
  return /^\0?(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(module)?.[1];
}

/** What its author wants to go along with every copy. */
function licenseOf(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const texts = readdirSync(folder).filter((file) => /^(licen[cs]e|notice)/i.test(file));
  const title = `${name} ${version} (${license ?? 'see below'})`;
  return [title, '='.repeat(title.length), ...texts.map((file) => readFileSync(join(folder, file), 'utf8')), ''].join(
    '\n',
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await runScript(async () => {
    await prepare();
    for (const file of await bundle(join(root, 'infra', 'dist'))) {
      process.stdout.write(`${relative(root, file)}  ${(readFileSync(file).length / 1e6).toFixed(1)} MB\n`);
    }
  });
}
