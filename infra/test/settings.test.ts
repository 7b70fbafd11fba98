import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { settings } from '@fleetbridge/settings';
import { expect, it } from 'vitest';
import { readSources } from '../scripts/check-rooms.mjs';
import { configurationPage, file, markdownTable } from '../scripts/config-docs.mjs';

it('docs/configuration.md has the settings of packages/settings (npm run docs writes it)', () => {
  expect(readFileSync(file, 'utf8')).toBe(configurationPage());
});

it('docs/configuration.md has lines of at most 120 characters outside of tables', () => {
  const long = configurationPage()
    .split('\n')
    .filter((line) => line.length > 120 && !line.startsWith('|'));
  expect(long).toEqual([]);
});

it('a table has a line per row, and line breaks and bars in a cell do not break it', () => {
  const lines = markdownTable(
    ['Variable', 'Meaning'],
    [
      ['`PORT`', 'Where vehicles | clients\nconnect.'],
      ['`A`', ''],
    ],
  )
    .trimEnd()
    .split('\n');
  expect(lines).toEqual([
    '| Variable | Meaning |',
    '| --- | --- |',
    '| `PORT` | Where vehicles \\| clients connect. |',
    '| `A` |  |',
  ]);
});

it('the source code reads no variable that packages/settings does not have', () => {
  const sources: Map<string, string> = readSources(join(import.meta.dirname, '../..'));
  const unknown = [...sources].flatMap(([path, text]) =>
    /\/src\/.*(?<!\.test)\.ts$/.test(path)
      ? [...text.matchAll(/\benv(?:\.|\['|\?\.)([A-Z][A-Z_]+)/g)]
          .filter(([, name]) => !((name as string) in settings))
          .map(([, name]) => `${path}: ${name}`)
      : [],
  );
  expect(unknown).toEqual([]);
});
