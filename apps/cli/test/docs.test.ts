import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

it('docs/configuration.md says what the schemas say (npm run docs writes it)', async () => {
  const script = new URL('../../../infra/scripts/config-docs.mjs', import.meta.url).href;
  const { configurationPage, file } = await import(script);
  expect(readFileSync(file, 'utf8')).toBe(configurationPage());
});
