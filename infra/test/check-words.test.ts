// The word list of lint: what it finds in code, strings and documentation, and what it leaves alone.
import { expect, it } from 'vitest';

interface Finding {
  file: string;
  line: number;
  kind: string;
  word: string;
}

const { checkWords, countsByFolder } = (await import(new URL('../scripts/check-words.mjs', import.meta.url).href)) as {
  checkWords: (files: Map<string, string>, options?: { comments?: boolean }) => Finding[];
  countsByFolder: (findings: Finding[]) => string[];
};

it('finds the parts of identifiers', () => {
  expect(check('a.ts', 'const x = 1;\nconst lastHeardMs = isTold;\nconst suchLike = howeverTaken;')).toEqual([
    '2 identifier heard',
    '2 identifier told',
    '3 identifier such',
    '3 identifier taken',
  ]);
});

it('does not find words inside of other words', () => {
  expect(check('a.ts', 'const mistaken = understands(tolderance, essay, sheard);')).toEqual([]);
});

it('finds words in strings of every kind, but not in their expressions', () => {
  expect(check('a.ts', `f('it is told', "nobody", \`a \${g({ b: 'heard' })} says \${c} none\`);`)).toEqual([
    '1 string told',
    '1 string nobody',
    '1 string heard',
    '1 string says',
    '1 string none',
  ]);
});

it('finds phrases across a line break, with the line where they begin', () => {
  expect(check('a.md', 'first\nit goes\non')).toEqual(['2 text goes on']);
});

it('reads regular expressions and divisions as code', () => {
  expect(check('a.ts', "const a = /['\"`/]/.test(b) ? c / d : e / f; const g = 'fine'; // said")).toEqual([]);
});

it('leaves comments alone unless asked', () => {
  const files = new Map([['a.ts', '// it is told\nconst a = 1; /* nobody */ const b = 2;']]);
  expect(checkWords(files)).toEqual([]);
  expect(checkWords(files, { comments: true }).map(({ line, kind, word }) => `${line} ${kind} ${word}`)).toEqual([
    '1 comment told',
    '2 comment nobody',
  ]);
});

it('allows the right uses', () => {
  expect(
    check('a.ts', "const a = 'none'; f('a host such as x', 'ENOENT: no such file', 'AUTH=none', 'display: none');"),
  ).toEqual([]);
  expect(check('a.md', 'A host such as x; `none` and `AUTH=none`.')).toEqual([]);
});

it('reads documentation with its examples, without code in sentences', () => {
  expect(check('page.md', 'The `isTold` flag.\n```\nnpm test  # everything is told\n```')).toEqual(['3 text told']);
});

it('reads comments of compose and of .env.example, texts of dashboards, and all of the alert rules', () => {
  expect(check('infra/compose.yaml', 'name: told # nobody\n')).toEqual(['1 text nobody']);
  expect(check('infra/.env.example', '# said\nTOLD=1')).toEqual(['1 text said']);
  expect(check('infra/grafana/dashboards/a.json', '{ "title": "Last heard", "expr": "told" }')).toEqual([
    '1 text heard',
  ]);
  expect(check('infra/prometheus/rules.yml', 'summary: "nobody"')).toEqual(['1 text nobody']);
});

it('leaves generated files and the list itself alone', () => {
  expect(check('packages/protocol/src/gen/a.ts', "'told'")).toEqual([]);
  expect(check('infra/scripts/banned-words.mjs', "'told'")).toEqual([]);
});

it('counts by folder and kind', () => {
  const findings = checkWords(new Map([['apps/a/b.ts', "const said = 'told';"]]));
  expect(countsByFolder(findings).map((line) => line.replace(/ +/, ' '))).toEqual(['apps/a identifier 1, string 1']);
});

function check(file: string, text: string): string[] {
  return checkWords(new Map([[file, text]])).map(({ line, kind, word }) => `${line} ${kind} ${word}`);
}
