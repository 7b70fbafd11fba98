import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DevelopmentPkiError } from './errors.js';
import { readIfPresent, writeCertificate, writeKeyOnce } from './pki-files.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'fleetbridge-files-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('writeKeyOnce', () => {
  it('keeps the key of the first writer and returns it to the second', () => {
    const file = join(directory, 'a.key');
    expect(writeKeyOnce(file, 'first')).toBe('first');
    expect(writeKeyOnce(file, 'second')).toBe('first');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory)).toEqual(['a.key']);
  });
});

describe('writeCertificate', () => {
  it('replaces the whole file and leaves no temporary file', () => {
    const file = join(directory, 'a.pem');
    writeCertificate(file, 'long first text');
    writeCertificate(file, 'second');
    expect(readFileSync(file, 'utf8')).toBe('second');
    expect(readdirSync(directory)).toEqual(['a.pem']);
  });

  it('names the file that can not be written', () => {
    const file = join(directory, 'nowhere', 'a.pem');
    expect(() => writeCertificate(file, 'text')).toThrow(DevelopmentPkiError);
    expect(() => writeCertificate(file, 'text')).toThrow(file);
  });
});

describe('readIfPresent', () => {
  it('returns undefined for a missing file and throws for an unreadable one', () => {
    expect(readIfPresent(join(directory, 'missing'))).toBeUndefined();
    expect(() => readIfPresent(directory)).toThrow(DevelopmentPkiError);
  });
});
