import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { certificateTexts } from './certificate-texts.js';

const folder = mkdtempSync(join(tmpdir(), 'fleetbridge-certificates-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('reads the file, or every file that a path with /*/ matches', async () => {
  for (const issuer of ['a', 'b', 'empty']) mkdirSync(join(folder, issuer));
  for (const issuer of ['a', 'b']) writeFileSync(join(folder, issuer, 'host.crt'), issuer);
  expect(await certificateTexts(join(folder, 'a', 'host.crt'))).toEqual(['a']);
  expect(await certificateTexts(join(folder, '*', 'host.crt'))).toEqual(['a', 'b']);
  expect(await certificateTexts(join(folder, 'missing', '*', 'host.crt'))).toEqual([]);
});
