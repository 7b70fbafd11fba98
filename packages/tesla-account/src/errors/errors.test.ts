import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { accountProblems, TeslaAccountError } from './index.js';

it('docs/errors.md lists every problem with its meaning and remedy', () => {
  const page = readFileSync(new URL('../../../../docs/errors.md', import.meta.url), 'utf8');
  for (const [problem, { meaning, remedy }] of Object.entries(accountProblems)) {
    expect(page).toContain(`| \`${problem}\` | ${meaning} | ${remedy} |`);
  }
});

it('an error has the file, what is wrong and what to do', () => {
  const error = new TeslaAccountError('key_file_failed', { file: 'data/tesla/encryption-key' });
  const { meaning, remedy } = accountProblems.key_file_failed;
  expect(error.message).toBe(`data/tesla/encryption-key: ${meaning}`);
  expect(JSON.parse(JSON.stringify(error))).toEqual({
    problem: 'key_file_failed',
    meaning,
    remedy,
    file: 'data/tesla/encryption-key',
  });
});
