import { readFileSync } from 'node:fs';
import { checkDefinitions } from '@fleetbridge/delivery';
import { expect, it } from 'vitest';
import { parse } from 'yaml';

const script = new URL('../../../infra/scripts/config-docs.mjs', import.meta.url).href;

it('docs/dispatcher.md lists the settings of the schema (npm run docs writes them)', async () => {
  const { dispatcherPage, dispatcherFile } = await import(script);
  const page = readFileSync(dispatcherFile, 'utf8');
  expect(page).toBe(dispatcherPage());
  expect(page).toContain('| `push.signedToken.keyFile` | required |');
});

it('the example in docs/dispatcher.md is valid', async () => {
  const { dispatcherFile } = await import(script);
  const example = /```yaml\n([\s\S]*?)```/.exec(readFileSync(dispatcherFile, 'utf8'))?.[1] ?? '';
  expect(checkDefinitions(parse(example))).toMatchObject({ value: [{ definition: { name: 'teslamate-bridge' } }, {}] });
});
