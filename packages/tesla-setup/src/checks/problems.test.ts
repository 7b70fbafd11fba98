import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { checks, doctorProblems } from './index.js';

it('docs/doctor.md lists every check, and every problem with its colour, meaning and remedy', () => {
  const page = readFileSync(new URL('../../../../docs/doctor.md', import.meta.url), 'utf8');
  for (const [check, title] of Object.entries(checks)) expect(page).toContain(`| \`${check}\` | ${title} |`);
  for (const [name, { colour, meaning, remedy }] of Object.entries(doctorProblems)) {
    expect(page).toContain(`| \`${name}\` | ${colour} | ${meaning} | ${remedy} |`);
  }
});
