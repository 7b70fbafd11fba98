import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SecretMissing, secretText } from './secret.js';

describe('secretText', () => {
  it('is the text itself, the value of a variable or the content of a file', () => {
    const folder = mkdtempSync(join(tmpdir(), 'secret-'));
    const file = join(folder, 'secret');
    writeFileSync(file, 'b\n');
    expect(secretText('plain', {})).toBe('plain');
    expect(secretText('env:TOKEN', { TOKEN: 'a' })).toBe('a');
    expect(secretText(`file:${file}`, {})).toBe('b');
    expect(() => secretText('env:TOKEN', {})).toThrow(SecretMissing);
    expect(() => secretText('file:/nowhere', {})).toThrow(/can't be read \(ENOENT\)/);
    rmSync(folder, { recursive: true });
  });
});
