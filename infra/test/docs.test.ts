// The documentation against the repository: links lead somewhere, named files exist, and the list of log events is that
// of the code.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const guides = ['.', 'docs'].flatMap((folder) => markdownFiles(folder));
const pages = [...guides, ...['apps', 'packages', 'infra'].flatMap((folder) => markdownFiles(folder))];

it.each(pages)('%s links to files and headings that exist', (page) => {
  const broken = [...withoutCode(read(page)).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => target!)
    .filter((target) => !/^[a-z]+:/.test(target) && !exists(page, target));
  expect(broken).toEqual([]);
});

it.each(guides)('%s wraps its prose at 120 characters', (page) => {
  const long = withoutCode(read(page))
    .split('\n')
    .filter((line) => line.length > 120 && !/^\s*\|/.test(line));
  expect(long).toEqual([]);
});

it('docs/README.md lists every page', () => {
  const index = read('docs/README.md');
  const missing = pages.filter(
    (page) => /^docs\/(?!README|decisions)/.test(page) && !index.includes(`(${page.slice(5)})`),
  );
  expect(missing).toEqual([]);
});

it('docs/architecture.md names files and folders that exist', () => {
  const named = [...read('docs/architecture.md').matchAll(/`((?:apps|packages|infra|proto|docs)\/[\w./-]+)`/g)];
  expect(named.length).toBeGreaterThan(20);
  expect(named.map(([, path]) => path!).filter((path) => !existsSync(join(root, path)))).toEqual([]);
});

it('sources refer to pages and headings that exist', () => {
  const sources = ['apps', 'packages', 'infra'].flatMap((folder) =>
    filesBelow(folder, true).filter((file) => /\.(?:ts|mjs|ya?ml|json)$|Caddyfile$|\.env\.example$/.test(file)),
  );
  const broken = sources.flatMap((file) =>
    [...read(file).matchAll(/\bdocs\/[\w/-]+\.md(?:#[\w-]+)?/g)]
      .filter(([target]) => !exists('README.md', target))
      .map(([target]) => `${file}: ${target}`),
  );
  expect(broken).toEqual([]);
});

it('docs/log-events.md lists exactly the events that the code logs, with their levels', () => {
  const listed = [...read('docs/log-events.md').matchAll(/^\| `([^`]+)` \| ([a-z, ]+) \|/gm)].map(
    ([, event, levels]) => `${event!.replace(/<\w+>/, '<>')}: ${levels}`,
  );
  expect([...listed].sort()).toEqual([...new Set(listed)].sort());
  expect(listed.sort()).toEqual(loggedEvents());
});

/** `event: level, level`, of every call of a logger in the sources. A name that is put together has `<>` in it. */
function loggedEvents(): string[] {
  const levels = new Map<string, Set<string>>();
  for (const file of ['apps', 'packages'].flatMap((folder) => sourceFiles(folder))) {
    const text = read(file);
    for (const match of text.matchAll(/\b(?:log|failureLog)\??\.(debug|info|warn|error|fatal)(?:Per)?\(/g)) {
      const event = lastArgument(text, match.index + match[0].length);
      for (const [, plain, template] of event.matchAll(/'([a-z]\w*)'|`([^`]*)`/g)) {
        const name = plain ?? template!.replace(/\$\{[^}]*\}/, '<>');
        levels.set(name, (levels.get(name) ?? new Set()).add(match[1]!));
      }
    }
  }
  return [...levels].map(([name, found]) => `${name}: ${[...found].sort().join(', ')}`).sort();
}

/** The text of the last argument of the call whose parenthesis opens before `from`. */
function lastArgument(text: string, from: number): string {
  let begin = from;
  let depth = 1;
  let quote = '';
  for (let at = from; at < text.length; at++) {
    const char = text[at]!;
    if (quote !== '') {
      if (char === '\\') at++;
      else if (char === quote) quote = '';
    } else if (`'"\``.includes(char)) quote = char;
    else if ('([{'.includes(char)) depth++;
    else if (')]}'.includes(char)) depth--;
    else if (char === ',' && depth === 1 && text.slice(at + 1).trimStart()[0] !== ')') begin = at + 1;
    if (depth === 0) return text.slice(begin, at);
  }
  return '';
}

function exists(page: string, target: string): boolean {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? page : relative(root, join(root, dirname(page), decodeURI(path)));
  if (!existsSync(join(root, file))) return false;
  return anchor === undefined || statSync(join(root, file)).isDirectory() || headingsOf(file).includes(anchor);
}

/** Headings as GitHub makes anchors of them. */
function headingsOf(file: string): string[] {
  return [...withoutCode(read(file)).matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replace(/\s/g, '-'),
  );
}

function withoutCode(text: string): string {
  return text.replace(/^```[\s\S]*?^```/gm, '');
}

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

function markdownFiles(folder: string): string[] {
  return filesBelow(folder, folder !== '.').filter((file) => file.endsWith('.md'));
}

function sourceFiles(folder: string): string[] {
  return filesBelow(folder, true).filter((file) => /\/src\/.*(?<!\.test)\.ts$/.test(file));
}

function filesBelow(folder: string, isDeep: boolean): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (!entry.isDirectory()) return [path];
    return isDeep && !['node_modules', 'dist', 'gen', 'release-0.1'].includes(entry.name) ? filesBelow(path, true) : [];
  });
}
