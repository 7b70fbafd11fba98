// The watch of the server's certificate on real files: packages/pki loads and checks them, packages/service watches.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type CertificateAndKey,
  createAuthority,
  extendedKeyUsages,
  issueCertificate,
  loadServerCertificate,
  reloadableServerCertificate,
  type ServerCertificate,
  type ServerCertificateFiles,
} from '@fleetbridge/pki';
import { watchFiles } from '@fleetbridge/service';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

const authority = createAuthority({ commonName: 'test CA', days: 3650 });

let directory: string;
let files: ServerCertificateFiles;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'fleetbridge-watch-'));
  files = { certFile: join(directory, 'server.pem'), keyFile: join(directory, 'server.key') };
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('the watch of the server certificate', () => {
  function watch(current?: ServerCertificate) {
    const changes: ServerCertificate[] = [];
    const errors: Error[] = [];
    const watcher = watchFiles({
      ...reloadableServerCertificate(files, current),
      intervalMs: 2,
      apply: (certificate) => {
        changes.push(certificate);
        return 'applied';
      },
      onError: (error) => errors.push(error),
    });
    return { changes, errors, stop: () => void watcher.stop() };
  }

  it('reports lasting trouble, then the renewed pair, with its hosts', async () => {
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

  it('reports the first pair that it finds when no pair is in use', async () => {
    const pair = issue();
    write(pair.certificatePem, pair.keyPem);
    const { changes, stop } = watch();
    await vi.waitFor(() => expect(changes).toHaveLength(1));
    stop();
  });

  it('sees a renewal that swaps a symbolic link', async () => {
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

  it('reports the awaited pair when it exists, and no problem before', async () => {
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

  it('reports a renewed stand-in only as long as the stand-in is in use', async () => {
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
    // Gone again: the last pair stays in use, although a stand-in exists.
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

  it('is silent after stop even when a poll is under way', async () => {
    const pair = issue();
    writeFileSync(files.keyFile, pair.keyPem);
    execFileSync('mkfifo', [files.certFile]); // a file that blocks its reader until we write
    const { changes, errors, stop } = watch();
    const writer = await open(files.certFile, 'w'); // opens when the poll has opened its end
    stop();
    await writer.writeFile(pair.certificatePem);
    await writer.close();
    // The poll needs a few turns of the event loop to finish; this takes many.
    rmSync(files.certFile);
    write(pair.certificatePem, pair.keyPem);
    for (let i = 0; i < 20; i++) await loadServerCertificate(files);
    expect([...changes, ...errors]).toEqual([]);
  });
});

function issue({ hosts = ['localhost'] }: { hosts?: string[] } = {}): CertificateAndKey {
  return issueCertificate({
    authority,
    subject: { commonName: 'server' },
    hosts,
    extendedKeyUsage: [extendedKeyUsages.serverAuth],
    days: 100,
  });
}

function write(cert: string, key: string) {
  writeFileSync(files.certFile, cert);
  writeFileSync(files.keyFile, key);
}

/** As Caddy does: one folder per issuer. */
function keep(issuer: string, { certificatePem, keyPem }: CertificateAndKey) {
  mkdirSync(join(directory, 'kept', issuer), { recursive: true });
  writeFileSync(join(directory, 'kept', issuer, 'host.key'), keyPem);
  writeFileSync(join(directory, 'kept', issuer, 'host.crt'), certificatePem);
}
