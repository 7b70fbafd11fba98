import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
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
