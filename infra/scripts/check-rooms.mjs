// `npm run lint`, the part that no linter knows: the layout of the rooms. Every folder below a `src` is a room whose
// door is its index.ts. Reports imports past a door, import cycles, rooms that are too large, layers that are crossed
// upwards, and imports between workspaces that the architecture forbids (docs/architecture.md).
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { layers, workspaceImports } from './room-layers.mjs';

/** About ten files are usual; a room that grows past this has two subjects. */
const MAX_FILES = 20;

/** Violations as sentences, sorted; `files` maps repository paths of source files to their text. */
export function checkRooms(files) {
  const sources = [...files.keys()].filter(isSource);
  const imports = new Map(sources.map((file) => [file, importsOf(file, files)]));
  return [
    ...tooLargeRooms(sources),
    ...sources.flatMap((file) => imports.get(file).flatMap((target) => passedDoor(file, target))),
    ...sources.flatMap((file) => imports.get(file).flatMap((target) => crossedLayer(file, target))),
    ...sources.flatMap((file) => forbiddenWorkspaces(file, files.get(file))),
    ...cycles(imports),
  ].sort();
}

function isSource(file) {
  return /^(apps|packages)\/[^/]+\/src\/.*\.ts$/.test(file) && !file.endsWith('.test.ts');
}

/** Relative imports and exports of a file, as repository paths of source files. */
function importsOf(file, files) {
  const targets = [];
  for (const [, specifier] of files.get(file).matchAll(/(?:from|import)\s*\(?\s*'(\.[^']*)\.js'/g)) {
    const target = `${posix.join(posix.dirname(file), specifier)}.ts`;
    if (files.has(target)) targets.push(target);
  }
  return targets;
}

/** `apps/ingest/src/socket` for a file in that room or below it; `apps/ingest/src` for a file in no room. */
function roomOf(file) {
  return posix.dirname(file);
}

function tooLargeRooms(sources) {
  const counts = new Map();
  for (const file of sources) counts.set(roomOf(file), (counts.get(roomOf(file)) ?? 0) + 1);
  return [...counts].flatMap(([room, count]) =>
    count > MAX_FILES ? [`${room}: ${count} source files, at most ${MAX_FILES}; split it by subject`] : [],
  );
}

/** A file may import its own room's files, files of a folder above it, and otherwise only the door of a room. */
function passedDoor(file, target) {
  const room = roomOf(target);
  const isOwn = roomOf(file) === room || roomOf(file).startsWith(`${room}/`);
  if (isOwn || posix.basename(target) === 'index.ts') return [];
  return [`${file}: imports ${target} past the door of its room; import ${room}/index.ts`];
}

/** A room may import rooms of the lines below its own in room-layers.mjs. */
function crossedLayer(file, target) {
  const [, workspace] = file.match(/^((?:apps|packages)\/[^/]+)\/src\//);
  const order = layers[workspace];
  const [from, to] = [file, target].map((path) => relative(`${workspace}/src`, path).split('/'));
  if (order === undefined || from.length === 1 || to.length === 1 || from[0] === to[0]) return [];
  const [fromLayer, toLayer] = [from[0], to[0]].map((room) => layerOf(room, order));
  if (fromLayer < 0 || toLayer < 0) {
    const unknown = fromLayer < 0 ? from[0] : to[0];
    return [`${workspace}/src/${unknown}: not in any layer of infra/scripts/room-layers.mjs; add it there`];
  }
  if (fromLayer < toLayer) return [];
  return [`${file}: room ${from[0]} may not import room ${to[0]} (infra/scripts/room-layers.mjs)`];
}

/** The index of a room's layer; the layer `*` holds the rooms that no other layer names. -1: no layer. */
function layerOf(room, order) {
  const named = order.findIndex((layer) => layer.includes(room));
  return named >= 0 ? named : order.findIndex((layer) => layer.includes('*'));
}

function forbiddenWorkspaces(file, text) {
  const [, workspace] = file.match(/^((?:apps|packages)\/[^/]+)\/src\//);
  const allowed = workspaceImports[workspace];
  if (allowed === undefined) return [`${workspace}: not in infra/scripts/room-layers.mjs; add what it may import`];
  return [...text.matchAll(/from '@fleetbridge\/([^'/]+)/g)].flatMap(([, name]) =>
    allowed.includes(name) ? [] : [`${file}: ${workspace} may not import @fleetbridge/${name} (room-layers.mjs)`],
  );
}

/** One sentence per group of files that import each other. */
function cycles(imports) {
  const state = new Map();
  const found = new Set();
  const path = [];
  const visit = (file) => {
    state.set(file, 'open');
    path.push(file);
    for (const target of imports.get(file) ?? []) {
      if (state.get(target) === 'open') found.add([...path.slice(path.indexOf(target)), target].join(' → '));
      else if (!state.has(target)) visit(target);
    }
    path.pop();
    state.set(file, 'done');
  };
  for (const file of imports.keys()) if (!state.has(file)) visit(file);
  return [...found].map((cycle) => `import cycle: ${cycle}`);
}

/** The TypeScript files of the workspaces, generated ones left out. */
export function readSources(root) {
  const files = new Map();
  const walk = (folder) => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = posix.join(folder, entry.name);
      if (entry.isDirectory()) {
        if (!['node_modules', 'dist', 'gen', '.turbo'].includes(entry.name)) walk(path);
      } else if (entry.name.endsWith('.ts')) files.set(path, readFileSync(join(root, path), 'utf8'));
    }
  };
  for (const folder of ['apps', 'packages']) walk(folder);
  return files;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const violations = checkRooms(readSources(join(dirname(fileURLToPath(import.meta.url)), '../..')));
  for (const violation of violations) console.error(violation);
  if (violations.length > 0) {
    console.error(`\n${violations.length} violations of the layout (docs/architecture.md).`);
    process.exitCode = 1;
  }
}
