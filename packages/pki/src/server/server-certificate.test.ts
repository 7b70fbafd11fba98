import { createPrivateKey } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAuthority } from '../certificate/authority.js';
import { type CertificateAndKey, extendedKeyUsages, issueCertificate } from '../certificate/certificate.js';
import { ServerCertificateError } from './errors.js';
import { loadServerCertificate, type ServerCertificateFiles } from './server-certificate.js';

const authority = createAuthority({ commonName: 'test CA', days: 3650 });

function issue(given: { hosts?: string[]; now?: Date; days?: number } = {}): CertificateAndKey {
  return issueCertificate({
    authority,
    subject: { commonName: 'server' },
    hosts: given.hosts ?? ['localhost'],
    extendedKeyUsage: [extendedKeyUsages.serverAuth],
    days: given.days ?? 100,
    ...(given.now === undefined ? {} : { now: given.now }),
  });
}

let directory: string;
let files: ServerCertificateFiles;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'fleetbridge-server-'));
  files = { certFile: join(directory, 'server.pem'), keyFile: join(directory, 'server.key') };
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function write(cert: string, key: string) {
  writeFileSync(files.certFile, cert);
  writeFileSync(files.keyFile, key);
}

async function failure(): Promise<ServerCertificateError> {
  const error: unknown = await loadServerCertificate(files).catch((reason: unknown) => reason);
  if (error instanceof ServerCertificateError) return error;
  throw new Error('the certificate was loaded', { cause: error });
}

describe('loadServerCertificate', () => {
  it('returns the pair of the files, with its expiry and its hosts', async () => {
    const now = new Date();
    const { certificatePem, keyPem } = issue({ hosts: ['localhost', '127.0.0.1', '::1', '*.example.com'], now });
    const chain = certificatePem + authority.certificatePem;
    write(chain, keyPem);
    const loaded = await loadServerCertificate(files);
    expect(loaded).toMatchObject({ cert: chain, key: keyPem });
    expect(loaded.hosts).toEqual(['localhost', '127.0.0.1', '::1', '*.example.com']);
    expect(Math.abs(loaded.notAfter.getTime() - (now.getTime() + 99 * 86_400_000))).toBeLessThan(1000);
  });

  it('reports which file is missing', async () => {
    const { certificatePem } = issue();
    expect(await failure()).toMatchObject({ problem: 'missing' });
    writeFileSync(files.certFile, certificatePem);
    const error = await failure();
    expect(error).toMatchObject({ problem: 'missing', file: files.keyFile });
    expect(error.message).toContain(files.keyFile);
  });

  it('reports which file can not be read', async () => {
    const { certificatePem, keyPem } = issue();
    write('no certificate', keyPem);
    expect(await failure()).toMatchObject({ problem: 'unreadable', file: files.certFile });
    write(certificatePem, 'no key');
    expect(await failure()).toMatchObject({ problem: 'unreadable', file: files.keyFile });
    write(certificatePem.slice(0, 200), keyPem);
    expect(await failure()).toMatchObject({ problem: 'unreadable', file: files.certFile });
    rmSync(files.keyFile);
    mkdirSync(files.keyFile);
    expect(await failure()).toMatchObject({ problem: 'unreadable', file: files.keyFile });
  });

  it('rejects a key with a passphrase, and a chain with a damaged end', async () => {
    const { certificatePem, keyPem } = issue();
    const locked = createPrivateKey(keyPem).export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'secret',
    });
    write(certificatePem, locked.toString());
    expect(await failure()).toMatchObject({ problem: 'unreadable', file: files.keyFile });
    write(certificatePem + authority.certificatePem.replace(/\n.{20}/, '\n!!!!'), keyPem);
    expect(await failure()).toMatchObject({ problem: 'unreadable', file: files.certFile });
  });

  it('rejects a key of another certificate, and a chain in the wrong order', async () => {
    const { certificatePem, keyPem } = issue();
    write(certificatePem, issue().keyPem);
    expect(await failure()).toMatchObject({ problem: 'key_mismatch', file: files.keyFile });
    write(authority.certificatePem + certificatePem, keyPem);
    expect(await failure()).toMatchObject({ problem: 'key_mismatch' });
  });

  it('rejects an expired certificate', async () => {
    const { certificatePem, keyPem } = issue({ now: new Date('2020-01-02T00:00:00Z'), days: 10 });
    write(certificatePem, keyPem);
    expect(await failure()).toMatchObject({ problem: 'expired', file: files.certFile });
    expect((await failure()).message).toContain('2020-01-11T00:00:00.000Z');
    const inTime = { now: new Date('2020-01-05T00:00:00Z') };
    expect(await loadServerCertificate(files, inTime)).toHaveProperty('notAfter', new Date('2020-01-11T00:00:00Z'));
  });

  it('never shows key material in a message', async () => {
    const { certificatePem } = issue();
    const { keyPem } = issue();
    for (const cert of [certificatePem, keyPem]) {
      write(cert, keyPem);
      expect((await failure()).message).not.toContain(keyPem.split('\n')[1]);
    }
  });
});

/** As Caddy does: one directory per issuer. */
function keep(issuer: string, { certificatePem, keyPem }: CertificateAndKey) {
  mkdirSync(join(directory, 'kept', issuer), { recursive: true });
  writeFileSync(join(directory, 'kept', issuer, 'host.key'), keyPem);
  writeFileSync(join(directory, 'kept', issuer, 'host.crt'), certificatePem);
}

describe('a certificate path with a pattern', () => {
  const place = () => ({ certFile: join(directory, 'kept/*/host.crt'), keyFile: join(directory, 'kept/*/host.key') });

  it('selects the certificate that expires last and ignores unusable ones', async () => {
    keep('a-first', issue({ days: 60, hosts: ['a'] }));
    keep('b-last', issue({ days: 90, hosts: ['b'] }));
    keep('c-ended', issue({ now: new Date(Date.now() - 200 * 86_400_000), days: 100, hosts: ['c'] }));
    keep('d-half', { ...issue({ days: 99, hosts: ['d'] }), keyPem: issue().keyPem });
    mkdirSync(join(directory, 'kept', 'e-without'));
    expect(await loadServerCertificate(place())).toMatchObject({ hosts: ['b'] });
  });

  it('is missing without a directory or a file, and reports other errors', async () => {
    files = place();
    expect(await failure()).toMatchObject({ problem: 'missing', file: files.certFile });
    mkdirSync(join(directory, 'kept', 'empty'), { recursive: true });
    expect(await failure()).toMatchObject({ problem: 'missing' });
    keep('ended', issue({ now: new Date(Date.now() - 200 * 86_400_000), days: 100 }));
    expect(await failure()).toMatchObject({ problem: 'expired', file: join(directory, 'kept/ended/host.crt') });
  });

  it('falls back to a usable pair until one matches', async () => {
    const own = issue({ hosts: ['own'] });
    const until = files;
    await expect(loadServerCertificate({ ...place(), until })).rejects.toMatchObject({ file: until.certFile });
    write(own.certificatePem, own.keyPem);
    expect(await loadServerCertificate({ ...place(), until })).toMatchObject({ hosts: ['own'], awaited: {} });
    keep('issuer', issue({ hosts: ['kept'] }));
    const loaded = await loadServerCertificate({ ...place(), until });
    expect(loaded.hosts).toEqual(['kept']);
    expect(loaded.awaited).toBeUndefined();
  });
});
