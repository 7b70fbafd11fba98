import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newPrivateKey } from '@fleetbridge/pki';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  applicationKeyFile,
  applicationKeyFromPem,
  importApplicationKey,
  loadApplicationKey,
  loadOrCreateApplicationKey,
} from './index.js';

let folder: string;
let directory: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'application-key-'));
  directory = join(folder, 'tesla');
});
afterEach(() => rmSync(folder, { recursive: true }));

const modeOf = (path: string) => statSync(path).mode & 0o777;

describe('the application key', () => {
  it('is made once, for its owner only, and loaded afterwards', () => {
    const file = applicationKeyFile(directory);
    expect(loadApplicationKey(file)).toBeUndefined();
    const made = loadOrCreateApplicationKey(directory);
    const pem = readFileSync(file, 'utf8');
    expect([modeOf(directory), modeOf(file)]).toEqual([0o700, 0o600]);
    expect(loadOrCreateApplicationKey(directory)).toEqual(made);
    expect(loadApplicationKey(file)).toEqual(made);
    expect(readFileSync(file, 'utf8')).toBe(pem);
  });

  it('has its public key as PEM, hex and base64', () => {
    const { key, publicKey } = loadOrCreateApplicationKey(directory);
    const pem = readFileSync(applicationKeyFile(directory), 'utf8');
    expect(publicKey.pem).toBe(createPublicKey(createPrivateKey(pem)).export({ type: 'spki', format: 'pem' }));
    expect(publicKey.hex).toMatch(/^04[0-9a-f]{128}$/);
    expect(Buffer.from(publicKey.base64, 'base64')).toEqual(Buffer.from(key.publicKey));
    expect(Buffer.from(publicKey.hex, 'hex')).toEqual(Buffer.from(key.publicKey));
  });

  it('of another file is kept, and never overwritten', () => {
    const own = newPrivateKey().export({ type: 'sec1', format: 'pem' }).toString();
    const kept = importApplicationKey(directory, own);
    expect(importApplicationKey(directory, own)).toEqual(kept);
    const other = newPrivateKey().export({ type: 'pkcs8', format: 'pem' }).toString();
    expect(() => importApplicationKey(directory, other)).toThrow(
      expect.objectContaining({ problem: 'application_key_exists' }),
    );
    expect(readFileSync(applicationKeyFile(directory), 'utf8')).toBe(own);
  });

  it('that others could read is restricted to its owner', () => {
    mkdirSync(directory);
    const file = applicationKeyFile(directory);
    writeFileSync(file, newPrivateKey().export({ type: 'pkcs8', format: 'pem' }));
    chmodSync(file, 0o644);
    loadApplicationKey(file);
    expect(modeOf(file)).toBe(0o600);
  });
});

describe('a file', () => {
  const parameters = '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n';

  it('may be PKCS#8, EC PRIVATE KEY, or begin with EC PARAMETERS', () => {
    const key = newPrivateKey();
    const pkcs8 = key.export({ type: 'pkcs8', format: 'pem' }).toString();
    const sec1 = key.export({ type: 'sec1', format: 'pem' }).toString();
    const [one, two, three] = [pkcs8, sec1, parameters + sec1].map((pem) => applicationKeyFromPem(pem));
    expect(two).toEqual(one);
    expect(three).toEqual(one);
  });

  it.each([
    ['another curve', () => pemOf('ec', { namedCurve: 'secp384r1' })],
    ['another kind of key', () => pemOf('ed25519', {})],
    ['a public key', () => createPublicKey(newPrivateKey()).export({ type: 'spki', format: 'pem' }).toString()],
    ['only parameters', () => parameters],
    ['no key', () => ''],
  ])('with %s is refused', (_name, pem) => {
    expect(() => applicationKeyFromPem(pem(), 'key.pem')).toThrow(
      expect.objectContaining({ problem: 'application_key_not_valid', file: 'key.pem' }),
    );
  });
});

it('a folder that can not be made is a typed error', () => {
  writeFileSync(directory, 'a file');
  expect(() => loadOrCreateApplicationKey(directory)).toThrow(expect.objectContaining({ problem: 'key_file_failed' }));
});

function pemOf(type: 'ec' | 'ed25519', options: object): string {
  const encodings = {
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  };
  return generateKeyPairSync(type as 'ec', { ...options, ...encodings } as never).privateKey as unknown as string;
}
