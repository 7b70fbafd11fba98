import { execFileSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createAuthority } from '../certificate/authority.js';
import { type CertificateAndKey, extendedKeyUsages, issueCertificate } from '../certificate/certificate.js';
import { ServerCertificateError } from './errors.js';
import {
  checkPair,
  loadServerCertificate,
  type ServerCertificate,
  type ServerCertificateFiles,
} from './server-certificate.js';
import { judge, type WatchState, watchServerCertificate } from './server-certificate-watch.js';

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

describe('judge', () => {
  const first = checked(issue());
  const second = checked(issue());
  const mismatch = new ServerCertificateError('key_mismatch', 'mismatch', { file: 'server.key' });
  const missing = new ServerCertificateError('missing', 'missing', { file: 'server.key' });

  /** The report of each check. */
  function checks(findings: (ServerCertificate | ServerCertificateError)[], current = first) {
    let state: WatchState = { currentCert: current.cert, trouble: undefined };
    return findings.map((finding) => {
      const step = judge(state, finding);
      state = step.state;
      return step.changed ?? step.failed;
    });
  }

  it('reports a new pair once and the same pair never', () => {
    expect(checks([first, second, second, first])).toEqual([undefined, second, undefined, first]);
  });

  it('ignores an error that the next check no longer finds', () => {
    expect(checks([mismatch, second, missing, first])).toEqual([undefined, second, undefined, first]);
    expect(checks([mismatch, first, mismatch, first])).toEqual([undefined, undefined, undefined, undefined]);
    expect(checks([missing, mismatch, second])).toEqual([undefined, undefined, second]);
  });

  it('reports a lasting error once, and again when it returns', () => {
    expect(checks([mismatch, mismatch, mismatch, mismatch])).toEqual([undefined, mismatch, undefined, undefined]);
    expect(checks([mismatch, mismatch, missing, missing])).toEqual([undefined, mismatch, undefined, missing]);
    expect(checks([mismatch, mismatch, first, mismatch, mismatch])).toEqual([
      undefined,
      mismatch,
      undefined,
      undefined,
      mismatch,
    ]);
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

describe('watchServerCertificate', () => {
  function watch(current?: ServerCertificate) {
    const changes: ServerCertificate[] = [];
    const errors: ServerCertificateError[] = [];
    const watching = watchServerCertificate({
      ...files,
      ...(current === undefined ? {} : { current }),
      intervalMs: 2,
      onChange: (certificate) => changes.push(certificate),
      onError: (error) => errors.push(error),
    });
    return { changes, errors, stop: watching.stop };
  }

  it('reports a lasting error, then the renewed pair with its hosts', async () => {
    const before = issue();
    const after = issue({ hosts: ['renewed.example.com'] });
    write(before.certificatePem, before.keyPem);
    const { changes, errors, stop } = watch(await loadServerCertificate(files));
    writeFileSync(files.certFile, after.certificatePem);
    await vi.waitFor(() => expect(errors).toHaveLength(1));
    expect(errors[0]).toMatchObject({ problem: 'key_mismatch' });
    expect(changes).toEqual([]);
    writeFileSync(files.keyFile, after.keyPem);
    await vi.waitFor(() => expect(changes).toHaveLength(1));
    expect(changes[0]).toMatchObject({ key: after.keyPem, hosts: ['renewed.example.com'] });
    stop();
  });

  it('reports the first pair when no pair is in use', async () => {
    const pair = issue();
    write(pair.certificatePem, pair.keyPem);
    const { changes, stop } = watch();
    await vi.waitFor(() => expect(changes).toHaveLength(1));
    stop();
  });

  it('detects a renewal that swaps a symbolic link', async () => {
    for (const [name, pair] of [
      ['one', issue()],
      ['two', issue()],
    ] as const) {
      mkdirSync(join(directory, name));
      writeFileSync(join(directory, name, 'cert'), pair.certificatePem);
      writeFileSync(join(directory, name, 'key'), pair.keyPem);
    }
    const live = join(directory, 'live');
    symlinkSync('one', live);
    files = { certFile: join(live, 'cert'), keyFile: join(live, 'key') };
    const { changes, stop } = watch(await loadServerCertificate(files));
    symlinkSync('two', `${live}.new`);
    renameSync(`${live}.new`, live);
    await vi.waitFor(() => expect(changes).toHaveLength(1));
    expect(changes[0]).toMatchObject(await loadServerCertificate(files));
    stop();
  });

  it('switches to the awaited pair when it exists, without an error before', async () => {
    const [own, kept] = [issue({ hosts: ['own.example.com'] }), issue({ hosts: ['kept.example.com'] })];
    write(own.certificatePem, own.keyPem);
    const until = files;
    files = { certFile: join(directory, 'kept/*/host.crt'), keyFile: join(directory, 'kept/*/host.key') };
    const awaiting = await loadServerCertificate({ ...files, until });
    expect(awaiting).toMatchObject({ hosts: ['own.example.com'], awaited: { problem: 'missing' } });
    const { changes, errors, stop } = watch(awaiting);
    const control = watch();
    await vi.waitFor(() => expect(control.errors).toHaveLength(1));
    keep('issuer', kept);
    await vi.waitFor(() => expect(changes).toHaveLength(1));
    expect(changes[0]).toMatchObject({ hosts: ['kept.example.com'] });
    expect(errors).toEqual([]);
    for (const one of [{ stop }, control]) one.stop();
  });

  it('reloads a renewed fallback pair while it is in use', async () => {
    const own = [1, 2, 3].map((n) => issue({ hosts: [`own-${n}.example.com`] }));
    write(own[0]!.certificatePem, own[0]!.keyPem);
    const until = files;
    files = { certFile: join(directory, 'kept/*/host.crt'), keyFile: join(directory, 'kept/*/host.key'), until };
    const { changes, errors, stop } = watch(await loadServerCertificate(files));
    writeFileSync(until.certFile, own[1]!.certificatePem);
    writeFileSync(until.keyFile, own[1]!.keyPem);
    await vi.waitFor(() => expect(changes).toHaveLength(1));
    expect(changes[0]).toMatchObject({ hosts: ['own-2.example.com'], awaited: { problem: 'missing' } });
    keep('issuer', issue({ hosts: ['kept.example.com'] }));
    await vi.waitFor(() => expect(changes).toHaveLength(2));
    expect(errors).toEqual([]);
    // removed again: the last pair stays in use, without a fallback
    rmSync(join(directory, 'kept'), { recursive: true });
    writeFileSync(until.certFile, own[2]!.certificatePem);
    writeFileSync(until.keyFile, own[2]!.keyPem);
    await vi.waitFor(() => expect(errors).toHaveLength(1));
    expect(changes.map(({ hosts }) => hosts)).toEqual([['own-2.example.com'], ['kept.example.com']]);
    stop();
  });

  it('is silent after stop', async () => {
    const pair = issue();
    write(pair.certificatePem, pair.keyPem);
    const stopped = watch();
    const control = watch();
    stopped.stop();
    await vi.waitFor(() => expect(control.changes).toHaveLength(1));
    control.stop();
    expect(stopped.changes).toEqual([]);
  });

  it('is silent after stop, also during a check', async () => {
    const pair = issue();
    writeFileSync(files.keyFile, pair.keyPem);
    execFileSync('mkfifo', [files.certFile]); // blocks its reader until the test writes
    const { changes, errors, stop } = watch();
    const writer = await open(files.certFile, 'w'); // opens when the check has opened the file
    stop();
    await writer.writeFile(pair.certificatePem);
    await writer.close();
    // The check needs a few turns of the event loop; this takes many.
    rmSync(files.certFile);
    write(pair.certificatePem, pair.keyPem);
    for (let i = 0; i < 20; i++) await loadServerCertificate(files);
    expect([...changes, ...errors]).toEqual([]);
  });
});

function checked(pair: CertificateAndKey): ServerCertificate {
  return checkPair(
    { cert: pair.certificatePem, key: pair.keyPem },
    files ?? { certFile: 'c', keyFile: 'k' },
    new Date(),
  );
}
