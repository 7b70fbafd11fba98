import { createPrivateKey, X509Certificate } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAuthority } from '../certificate/authority.js';
import { issueCertificate } from '../certificate/certificate.js';
import { CertificateRequestError } from '../certificate/errors.js';
import { DevelopmentPkiError } from '../files/errors.js';
import type { CertificateFiles } from '../files/pki-files.js';
import { identityFromCertificate } from '../identity/identity.js';
import { ensureDevelopmentPki, ensureVehicleCertificate } from './development-pki.js';

const VIN = '5YJ3E1EA7KF000001';
const DAY_MS = 86_400_000;
const now = new Date('2026-03-01T00:00:00Z');
const inDays = (days: number) => new Date(now.getTime() + days * DAY_MS);

let directory: string;
let pki: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'fleetbridge-pki-'));
  pki = join(directory, 'data', 'pki');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function ensure(given: { hosts?: string[]; vins?: string[]; now?: Date } = {}) {
  return ensureDevelopmentPki({ directory: pki, hosts: [], vins: [VIN], now, ...given });
}

const read = (name: string) => readFileSync(join(pki, name), 'utf8');
const certificate = (name: string) => new X509Certificate(read(name));
const mode = (name: string) => statSync(join(pki, name)).mode & 0o777;
const names = (files: readonly string[]) => files.map((file) => file.slice(pki.length + 1));

describe('ensureDevelopmentPki', () => {
  it('creates all files in an empty directory, and no others', () => {
    const result = ensure();
    expect(readdirSync(pki, { recursive: true }).sort()).toEqual([
      'ca.key',
      'ca.pem',
      'server-ca.key',
      'server-ca.pem',
      'server.key',
      'server.pem',
      'vehicles',
      join('vehicles', `${VIN}.key`),
      join('vehicles', `${VIN}.pem`),
    ]);
    expect(names(result.written)).toEqual(['ca.pem', 'server-ca.pem', 'server.pem', join('vehicles', `${VIN}.pem`)]);
    expect(result.vehicleAuthority).toEqual({ certFile: join(pki, 'ca.pem'), keyFile: join(pki, 'ca.key') });
    expect(result.vehicles.get(VIN)?.certFile).toBe(join(pki, 'vehicles', `${VIN}.pem`));
    expect(certificate('ca.pem').subject).toBe('CN=TeslaMotors');
    expect(certificate('server-ca.pem').subject).toBe('CN=fleetbridge development server CA');
    expect(identityFromCertificate(certificate(`vehicles/${VIN}.pem`).raw)).toMatchObject({
      senderId: `vehicle_device.${VIN}`,
    });
    expect(certificate('server.pem').checkIssued(certificate('server-ca.pem'))).toBe(true);
    expect(certificate(`vehicles/${VIN}.pem`).checkIssued(certificate('ca.pem'))).toBe(true);
  });

  it('restricts keys and directories to their owner, also existing ones', () => {
    ensure();
    chmodSync(join(pki, 'ca.key'), 0o644);
    chmodSync(pki, 0o755);
    ensure();
    for (const key of ['ca.key', 'server-ca.key', 'server.key', `vehicles/${VIN}.key`]) expect(mode(key)).toBe(0o600);
    expect(mode('.')).toBe(0o700);
    expect(mode('vehicles')).toBe(0o700);
  });

  it('changes nothing when nothing is missing', () => {
    ensure();
    const before = contents();
    expect(ensure({ now: inDays(300) }).written).toEqual([]);
    expect(contents()).toEqual(before);
  });

  it('renews a certificate with its key when less than 30 days are left', () => {
    ensure();
    const key = read('server.key');
    // Valid for 397 days from one day back: on day 366 exactly 30 are left.
    expect(ensure({ now: inDays(366) }).written).toEqual([]);
    expect(names(ensure({ now: new Date(inDays(366).getTime() + 1000) }).written)).toEqual(['server.pem']);
    expect(read('server.key')).toBe(key);
  });

  it('keeps certificates valid when their authority is renewed', () => {
    ensure();
    const vehicle = certificate(`vehicles/${VIN}.pem`);
    const later = inDays(3640);
    expect(names(ensure({ vins: [], now: later }).written)).toEqual(['ca.pem', 'server-ca.pem', 'server.pem']);
    expect(new Date(certificate('ca.pem').validTo).getTime()).toBeGreaterThan(later.getTime());
    expect(vehicle.checkIssued(certificate('ca.pem'))).toBe(true);
    expect(vehicle.verify(certificate('ca.pem').publicKey)).toBe(true);
  });

  it('issues the server certificate again when it does not cover a host', () => {
    ensure();
    const hosts = ['telemetry.example.com', '*.example.org', '192.0.2.7', '2001:db8::7'];
    expect(names(ensure({ hosts }).written)).toEqual(['server.pem']);
    expect(certificate('server.pem').checkHost('telemetry.example.com')).toBeDefined();
    expect(certificate('server.pem').checkHost('localhost')).toBeDefined();
    expect(certificate('server.pem').checkIP('::1')).toBeDefined();
    expect(ensure({ hosts }).written).toEqual([]);
    expect(ensure({ hosts: ['TELEMETRY.example.com'] }).written).toEqual([]);
    expect(ensure({ hosts: [] }).written).toEqual([]);
  });

  it('issues certificates again that the current authority did not sign', () => {
    ensure();
    rmSync(join(pki, 'ca.key'));
    rmSync(join(pki, 'server-ca.key'));
    expect(names(ensure().written)).toEqual(['ca.pem', 'server-ca.pem', 'server.pem', join('vehicles', `${VIN}.pem`)]);
    expect(certificate(`vehicles/${VIN}.pem`).verify(certificate('ca.pem').publicKey)).toBe(true);
    expect(certificate('server.pem').verify(certificate('server-ca.pem').publicKey)).toBe(true);
  });

  it('issues a damaged certificate again, or one of another key', () => {
    ensure();
    writeFileSync(join(pki, 'ca.pem'), 'damaged');
    writeFileSync(join(pki, 'server.pem'), read('server-ca.pem'));
    const other = issueCertificate({
      authority: { certificatePem: read('server-ca.pem'), keyPem: read('server-ca.key') },
      subject: { commonName: 'other' },
      extendedKeyUsage: [],
      days: 100,
      now,
    });
    writeFileSync(join(pki, 'server.pem'), other.certificatePem);
    expect(names(ensure().written)).toEqual(['ca.pem', 'server.pem']);
    expectPair({ certFile: join(pki, 'server.pem'), keyFile: join(pki, 'server.key') });
  });

  it('replaces an authority of another name', () => {
    ensure();
    writeFileSync(
      join(pki, 'ca.pem'),
      createAuthority({ commonName: 'Other', days: 999, keyPem: read('ca.key'), now }).certificatePem,
    );
    ensure();
    expect(certificate('ca.pem').subject).toBe('CN=TeslaMotors');
  });

  it('never overwrites a key that is not usable, and reports what to do', () => {
    ensure();
    writeFileSync(join(pki, 'ca.key'), 'some other key');
    expect(() => ensure()).toThrow(DevelopmentPkiError);
    expect(() => ensure()).toThrow(/move the file away.*ca\.key/);
    expect(read('ca.key')).toBe('some other key');
  });

  it('rejects an invalid host and a VIN that would name another file', () => {
    expect(() => ensure({ hosts: ['no host'] })).toThrow(CertificateRequestError);
    expect(() => ensure({ vins: ['../server'] })).toThrow(DevelopmentPkiError);
    expect(() => ensure({ vins: [''] })).toThrow(DevelopmentPkiError);
  });

  it('names the directory that can not be created', () => {
    writeFileSync(join(directory, 'data'), 'a file');
    expect(() => ensure()).toThrow(/ENOTDIR.*data/);
  });
});

describe('ensureVehicleCertificate', () => {
  it('creates one vehicle and its authority only', () => {
    const files = ensureVehicleCertificate({ directory: pki, vin: VIN });
    expectPair(files);
    expect(readdirSync(pki).sort()).toEqual(['ca.key', 'ca.pem', 'vehicles']);
    const again = ensureVehicleCertificate({ directory: pki, vin: '5YJ3E1EA7KF000002' });
    expect(new X509Certificate(readFileSync(again.certFile)).verify(certificate('ca.pem').publicKey)).toBe(true);
    expect(new X509Certificate(readFileSync(files.certFile)).verify(certificate('ca.pem').publicKey)).toBe(true);
  });
});

function expectPair(files: CertificateFiles) {
  const key = createPrivateKey(readFileSync(files.keyFile));
  expect(new X509Certificate(readFileSync(files.certFile)).checkPrivateKey(key)).toBe(true);
}

function contents() {
  const files = readdirSync(pki, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'));
}
