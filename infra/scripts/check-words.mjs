// `npm run lint`, the part that checks words: identifiers, strings and documentation must not use the words of
// banned-words.mjs. `--comments` checks code comments too, `--counts` prints only the number of findings per folder.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { allowed, banned, exempt } from './banned-words.mjs';

const IGNORED_FOLDERS = new Set(['node_modules', 'dist', 'gen', '.git', '.turbo', '.ci', 'data', 'results', 'public']);
const words = new Map([...banned].filter(([word]) => !word.includes(' ')));
const inText = new RegExp(
  `\\b(?:${[...banned.keys()].map((word) => word.replaceAll(' ', '\\s+')).join('|')})\\b`,
  'gi',
);

/**
 * Findings `{ file, line, kind, word, found, instead }` in order; `files` maps repository paths to their text. `kind` is
 * identifier, string, comment or text (documentation).
 */
export function checkWords(files, { comments = false } = {}) {
  return [...files].flatMap(([file, text]) => {
    if (exempt.some(({ pattern }) => pattern.test(file))) return [];
    return piecesOf(file, text)
      .filter(({ kind }) => comments || kind !== 'comment')
      .flatMap((piece) => (piece.kind === 'identifier' ? inIdentifiers(piece) : inWords(piece)))
      .map(({ at, ...finding }) => ({ file, line: lineOf(text, at), ...finding }))
      .sort((one, other) => one.line - other.line);
  });
}

function inIdentifiers({ text, at }) {
  const findings = [];
  for (const { 0: name, index } of withoutAllowed(text).matchAll(/[A-Za-z_$][\w$]*/g))
    for (const part of partsOf(name))
      if (words.has(part)) {
        findings.push({ at: at + index, kind: 'identifier', word: part, found: name, instead: words.get(part) });
        break;
      }
  return findings;
}

function partsOf(name) {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[^a-z]+/);
}

function withoutAllowed(text) {
  return allowed.reduce((rest, { pattern }) => rest.replace(pattern, blank), text);
}

function inWords({ kind, text, at }) {
  return [...withoutAllowed(text).matchAll(inText)].map(({ 0: found, index }) => {
    const word = found.toLowerCase().replace(/\s+/g, ' ');
    return { at: at + index, kind, word, found: excerpt(text, index), instead: banned.get(word) };
  });
}

/** The parts of a file that hold words, each with its offset. */
function piecesOf(file, text) {
  if (/\.(?:ts|mjs)$/.test(file)) return piecesOfCode(text);
  if (/\.proto$/.test(file)) return piecesOfCode(text).filter(({ kind }) => kind === 'comment');
  if (/\.md$/.test(file)) return [{ kind: 'text', text: text.replace(/```[\s\S]*?```|`[^`\n]*`/g, keepBlocks), at: 0 }];
  if (/\/dashboards\/.*\.json$/.test(file))
    return matchesOf(text, /"(?:title|description|legendFormat)": "((?:[^"\\]|\\.)*)"/g);
  if (/rules[^/]*\.yml$/.test(file)) return [{ kind: 'text', text, at: 0 }];
  if (/\.ya?ml$|\.env\.example$|Caddyfile$|Dockerfile[^/]*$/.test(file)) return matchesOf(text, /(?:^|\s)#(.*)/g);
  return [];
}

/** Commands and examples keep their text; code in a sentence is not prose. */
function keepBlocks(code) {
  return code.startsWith('```') ? code : blank(code);
}

function matchesOf(text, pattern) {
  return [...text.matchAll(pattern)].map(({ 0: whole, 1: found, index }) => ({
    kind: 'text',
    text: found,
    at: index + whole.indexOf(found),
  }));
}

/** Cuts TypeScript or JavaScript into code, strings (the texts of templates too) and comments. */
export function piecesOfCode(text) {
  const pieces = [];
  let codeFrom = 0;
  const endCode = (end) => {
    if (end > codeFrom) pieces.push({ kind: 'identifier', text: text.slice(codeFrom, end), at: codeFrom });
  };
  const add = (kind, from, to, next) => {
    endCode(from);
    pieces.push({ kind, text: text.slice(from, to), at: from });
    codeFrom = next;
  };
  /** Depth of braces within each template expression that is open. */
  const templates = [];
  let at = 0;
  const readTemplate = () => {
    const from = at;
    while (at < text.length && text[at] !== '`' && !text.startsWith('${', at)) at += text[at] === '\\' ? 2 : 1;
    const isOpen = text.startsWith('${', at);
    add('string', from, at, isOpen ? at + 2 : at + 1);
    if (isOpen) templates.push(0);
    at = codeFrom;
  };
  while (at < text.length) {
    const char = text[at];
    if (text.startsWith('//', at) || text.startsWith('/*', at)) {
      const isLine = text[at + 1] === '/';
      const end = text.indexOf(isLine ? '\n' : '*/', at + 2);
      const to = end < 0 ? text.length : isLine ? end : end + 2;
      add('comment', at, to, to);
      at = to;
    } else if (char === "'" || char === '"') {
      const from = ++at;
      while (at < text.length && text[at] !== char && text[at] !== '\n') at += text[at] === '\\' ? 2 : 1;
      add('string', from, at, at + 1);
      at++;
    } else if (char === '`') {
      at++;
      readTemplate();
    } else if (char === '/' && beginsRegExp(text, at)) {
      at = endOfRegExp(text, at);
    } else if (char === '{' && templates.length > 0) {
      templates[templates.length - 1]++;
      at++;
    } else if (char === '}' && templates.length > 0) {
      at++;
      if (templates.at(-1) === 0) {
        templates.pop();
        readTemplate();
      } else templates[templates.length - 1]--;
    } else at++;
  }
  endCode(text.length);
  return pieces;
}

/** A slash begins a regular expression where no value has just ended. */
function beginsRegExp(text, at) {
  const before = text.slice(Math.max(0, at - 40), at).trimEnd();
  return before === '' || /(?:[=([{,;:!&|?+>]|\b(?:return|typeof|case|in|of))$/.test(before);
}

function endOfRegExp(text, from) {
  let isClass = false;
  for (let at = from + 1; at < text.length && text[at] !== '\n'; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '[') isClass = true;
    else if (text[at] === ']') isClass = false;
    else if (text[at] === '/' && !isClass) return at + 1;
  }
  return from + 1;
}

function blank(text) {
  return text.replace(/[^\n]/g, ' ');
}

function lineOf(text, at) {
  return text.slice(0, at).split('\n').length;
}

function excerpt(text, index) {
  return text
    .slice(Math.max(0, index - 30), index + 40)
    .replace(/\s+/g, ' ')
    .trim();
}

/** Every file of the repository that holds words of ours. */
export function readFiles(root) {
  const files = new Map();
  const walk = (folder) => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = posix.join(folder, entry.name);
      if (entry.isDirectory()) {
        if (!IGNORED_FOLDERS.has(entry.name) || path === 'infra/public') walk(path);
      } else if (/\.(?:ts|mjs|md|json|ya?ml|proto)$|\.env\.example$|Caddyfile$|Dockerfile/.test(entry.name))
        files.set(path, readFileSync(join(root, path), 'utf8'));
    }
  };
  walk('.');
  return files;
}

/** `apps/ingest/src/socket  string 3, text 1`, one line per folder. */
export function countsByFolder(findings) {
  const folders = new Map();
  for (const { file, kind } of findings) {
    const folder = posix.dirname(file);
    const kinds = folders.get(folder) ?? new Map();
    folders.set(folder, kinds.set(kind, (kinds.get(kind) ?? 0) + 1));
  }
  return [...folders].sort().map(([folder, kinds]) => {
    const counts = [...kinds].sort().map(([kind, count]) => `${kind} ${count}`);
    return `${folder.padEnd(40)} ${counts.join(', ')}`;
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
  const findings = checkWords(readFiles(root), { comments: process.argv.includes('--comments') });
  const lines = process.argv.includes('--counts')
    ? countsByFolder(findings)
    : findings.map(
        ({ file, line, kind, word, found, instead }) => `${file}:${line}: "${word}" in ${kind}: ${found} → ${instead}`,
      );
  for (const line of lines) console.error(line);
  if (findings.length > 0) {
    console.error(`\n${findings.length} uses of banned words (infra/scripts/banned-words.mjs).`);
    process.exitCode = 1;
  }
}
