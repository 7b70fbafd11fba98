import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { ensureBridgeToken } from './bridge-token.js';

it('creates the token once and makes it readable for its owner only', () => {
  const directory = mkdtempSync(join(tmpdir(), 'bridge-token-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'data', 'tokens');
  const token = ensureBridgeToken(file);
  expect(token).toMatch(/^[\w-]{43}$/);
  expect(ensureBridgeToken(file)).toBe(token);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});
