import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAuthority } from '../certificate/authority.js';
import { TeslaCaError } from './errors.js';
import { fetchTeslaCas, plainFingerprint, selectTeslaCas, teslaCaSources } from './tesla-ca.js';

const copies = fileURLToPath(new URL('../../../../../shared/tesla-ca/', import.meta.url));
const isHere = existsSync(copies);
if (!isHere) console.log("skipped: Tesla's bundles ../shared/tesla-ca are not here; the product does not carry them");

const stranger = createAuthority({ commonName: 'Unknown CA', days: 100 }).certificatePem;
const production = () => readFileSync(join(copies, 'prod_ca.crt'), 'utf8');

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tesla-ca-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('the pinned fingerprints', () => {
  it.each([
    ['production', 14],
    ['engineering', 8],
  ] as const)('of the %s bundle are %i different ones', (name, count) => {
    const { fingerprints } = teslaCaSources[name];
    expect(new Set(fingerprints).size).toBe(count);
    for (const fingerprint of fingerprints) expect(fingerprint).toMatch(/^[0-9a-f]{64}$/);
  });

  it.skipIf(!isHere).each([
    ['production', 'prod_ca.crt', 14],
    ['engineering', 'eng_ca.crt', 8],
  ] as const)("of the %s bundle are exactly those of Tesla's file", (name, file, count) => {
    const bundle = selectTeslaCas(readFileSync(join(copies, file), 'utf8'), file, { name });
    expect(bundle.certificates).toHaveLength(count);
    expect(bundle).toMatchObject({ unknown: [], missing: 0 });
  });
});

describe('an unknown CA', () => {
  it.skipIf(!isHere)('is reported and left out until its fingerprint is accepted', () => {
    const text = production() + stranger;
    const bundle = selectTeslaCas(text, 'ca', { name: 'production' });
    expect(bundle.certificates).toHaveLength(14);
    expect(bundle.unknown).toEqual([
      { subject: 'CN=Unknown CA', fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/) },
    ]);
    const { fingerprint } = bundle.unknown[0]!;
    for (const accept of [fingerprint, fingerprint.toUpperCase().replace(/..(?!$)/g, '$&:')]) {
      const accepted = selectTeslaCas(text, 'ca', { name: 'production', accept: [accept] });
      expect(accepted).toMatchObject({ unknown: [], missing: 0 });
      expect(accepted.pem).toContain(stranger);
    }
  });

  it('alone is rejected as a bundle', () => {
    expect(() => selectTeslaCas(stranger, 'ca', { name: 'production' })).toThrow(
      /expected Tesla's production CAs, got 1 certificates that this version does not know/,
    );
  });

  it.skipIf(!isHere)('of one bundle is unknown in the other one', () => {
    const text = readFileSync(join(copies, 'eng_ca.crt'), 'utf8');
    expect(selectTeslaCas(text, 'ca', { name: 'production' })).toMatchObject({ missing: 8 });
    expect(selectTeslaCas(text, 'ca', { name: 'production' }).unknown).toHaveLength(2);
  });
});

describe('fetching', () => {
  const file = () => join(directory, 'pki', 'tesla-ca.pem');
  const fetchFrom = (from: string) => fetchTeslaCas({ name: 'production', directory: join(directory, 'pki'), from });

  it.skipIf(!isHere)('stores only accepted certificates and reports a change', async () => {
    const from = join(directory, 'given.crt');
    writeFileSync(from, stranger + production());
    expect(await fetchFrom(from)).toMatchObject({ file: file(), isChanged: true, missing: 0 });
    const stored = readFileSync(file(), 'utf8');
    expect(stored).not.toContain(stranger);
    expect(stored.match(/BEGIN CERTIFICATE/g)).toHaveLength(14);
    expect(await fetchFrom(from)).toMatchObject({ isChanged: false });
  });

  it.skipIf(!isHere)('keeps the stored bundle when a fetch fails', async () => {
    const from = join(directory, 'given.crt');
    writeFileSync(from, production());
    await fetchFrom(from);
    const before = readFileSync(file(), 'utf8');
    for (const text of ['', stranger, production().slice(0, 5_000)]) {
      writeFileSync(from, text);
      const error = await failure(fetchFrom(from));
      expect(error.storedFile).toBe(file());
    }
    expect(await failure(fetchFrom(join(directory, 'nothing')))).toMatchObject({ problem: 'unreachable' });
    expect(readFileSync(file(), 'utf8')).toBe(before);
  });

  it('reports an unsupported URL, an untrusted server and a refused connection', async () => {
    expect(await failure(fetchFrom('http://127.0.0.1:1/'))).toMatchObject({
      message: expect.stringContaining('expected an https URL or the path of a file'),
    });
    const pair = createAuthority({ commonName: 'localhost', days: 1 });
    const server = createServer({ cert: pair.certificatePem, key: pair.keyPem });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const { port } = server.address() as { port: number };
    const error = await failure(fetchFrom(`https://127.0.0.1:${port}/`));
    expect(error.message).toMatch(/certificate/);
    await new Promise((closed) => server.close(closed));
    expect(await failure(fetchFrom(`https://127.0.0.1:${port}/`))).toMatchObject({
      problem: 'unreachable',
      message: expect.stringContaining('ECONNREFUSED'),
      storedFile: undefined,
    });
    expect(existsSync(file())).toBe(false);
  });
});

it('plainFingerprint ignores colons and case', () => {
  expect(plainFingerprint('AB:CD')).toBe(plainFingerprint('abcd'));
});

async function failure(fetching: Promise<unknown>): Promise<TeslaCaError> {
  try {
    await fetching;
  } catch (error) {
    if (error instanceof TeslaCaError) return error;
    throw error;
  }
  throw new Error('it was fetched');
}
