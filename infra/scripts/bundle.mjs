// `npm run bundle`: one file per app in infra/dist, without node_modules. The images contain these files
// (infra/Dockerfile), and infra/test/bundles.test.ts tests them.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { builtinModules, createRequire } from 'node:module';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { prepare, root, runScript, ScriptError } from './prepare.mjs';

const apps = ['ingest', 'dispatcher', 'streaming', 'gateway', 'cli'];

/**
 * Bundles the output of `npm run build` into `<app>.mjs` and LICENSES.txt. Resolves to the files' paths. Throws ScriptError
 * when a bundle would load another file at run time.
 */
export async function bundle(directory) {
  const { rolldown } = await import('rolldown');
  mkdirSync(directory, { recursive: true });
  const files = [];
  const packages = new Set();
  for (const app of apps) {
    const problems = [];
    const input = await rolldown({
      input: join(root, 'apps', app, 'dist', 'main.js'),
      platform: 'node',
      resolve: { alias: embeddedBuilds() },
      onLog: (level, { code, message }) => {
        if (level === 'warn') problems.push(`${code}: ${message}`);
      },
    });
    const { output } = await input.generate({ format: 'esm', codeSplitting: false });
    await input.close();
    const [chunk] = output;
    problems.push(...output.slice(1).map(({ fileName }) => `second output file ${fileName}`));
    problems.push(...chunk.imports.filter((name) => !isBuiltin(name)).map((name) => `${name} is not bundled`));
    problems.push(...unknownRequires(chunk.code).map((name) => `require('${name}') is not bundled`));
    if (problems.length > 0) throw new ScriptError(`the bundle of ${app} is incomplete:\n  ${problems.join('\n  ')}`);
    for (const module of Object.keys(chunk.modules)) packages.add(packageOf(module));
    files.push(join(directory, `${app}.mjs`));
    writeFileSync(files.at(-1), chunk.code);
  }
  packages.delete(undefined);
  writeFileSync(join(directory, 'LICENSES.txt'), [...packages].sort().map(licenseOf).join('\n'));
  return files;
}

/** Replacements for packages that read their own files at run time: builds with those files embedded. */
function embeddedBuilds() {
  const { resolve } = createRequire(
    createRequire(join(root, 'packages/delivery/package.json')).resolve('@platformatic/kafka'),
  );
  return { '@platformatic/wasm-utils': resolve('@platformatic/wasm-utils/bundled') };
}

const isBuiltin = (name) => name.startsWith('node:') || builtinModules.includes(name);

/** Optional packages: native helpers of ws and the Kafka client, and colours of debug. */
const OPTIONAL = new Set(['bufferutil', 'utf-8-validate', '@node-rs/crc32', 'supports-color']);

/** Remaining require calls: rolldown turns them into `__require`, which would search node_modules. */
function unknownRequires(code) {
  const calls = code.matchAll(/(?:__require|createRequire\(import\.meta\.url\))\(["'`]([^"'`]+)["'`]\)/g);
  return [...new Set([...calls].map(([, name]) => name))].filter((name) => !isBuiltin(name) && !OPTIONAL.has(name));
}

/** The folder of a module's package in node_modules; undefined for our own modules. */
function packageOf(module) {
  return /^\0?(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(module)?.[1];
}

/** The license texts that every copy must include. */
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
