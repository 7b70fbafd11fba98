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
  it('lets the first writer win and gives its key to the second', () => {
    const file = join(directory, 'a.key');
    expect(writeKeyOnce(file, 'first')).toBe('first');
    expect(writeKeyOnce(file, 'second')).toBe('first');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory)).toEqual(['a.key']);
  });
});

describe('writeCertificate', () => {
  it('replaces the file as a whole and leaves nothing beside it', () => {
    const file = join(directory, 'a.pem');
    writeCertificate(file, 'long first text');
    writeCertificate(file, 'second');
    expect(readFileSync(file, 'utf8')).toBe('second');
    expect(readdirSync(directory)).toEqual(['a.pem']);
  });

  it('names the file that it can not write', () => {
    const file = join(directory, 'nowhere', 'a.pem');
    expect(() => writeCertificate(file, 'text')).toThrow(DevelopmentPkiError);
    expect(() => writeCertificate(file, 'text')).toThrow(file);
  });
});

describe('readIfPresent', () => {
  it('tells a missing file from one that can not be read', () => {
    expect(readIfPresent(join(directory, 'none'))).toBeUndefined();
    expect(() => readIfPresent(directory)).toThrow(DevelopmentPkiError);
  });
});
