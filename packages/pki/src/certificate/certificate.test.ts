import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { identityFromCertificate } from '../identity/identity.js';
import { createAuthority } from './authority.js';
import { extendedKeyUsages, issueCertificate } from './certificate.js';
import { CertificateRequestError } from './errors.js';

const VIN = '5YJ3E1EA7KF000001';
const vehicleAuthority = createAuthority({ commonName: 'TeslaMotors', days: 3650 });
const serverAuthority = createAuthority({ commonName: 'fleetbridge test CA', days: 3650 });

function issueVehicle(authority = vehicleAuthority) {
  return issueCertificate({
    authority,
    subject: { commonName: VIN },
    extendedKeyUsage: [extendedKeyUsages.clientAuth],
    days: 100,
  });
}

function issueServer(hosts: string[], authority = serverAuthority) {
  return issueCertificate({
    authority,
    subject: { commonName: 'server' },
    hosts,
    extendedKeyUsage: [extendedKeyUsages.serverAuth],
    days: 397,
  });
}

describe('createAuthority', () => {
  it('creates a self-signed CA certificate', () => {
    const certificate = new X509Certificate(vehicleAuthority.certificatePem);
    expect(certificate.subject).toBe('CN=TeslaMotors');
    expect(certificate.ca).toBe(true);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.checkIssued(certificate)).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(vehicleAuthority.keyPem))).toBe(true);
  });

  it('keeps certificates valid when it is renewed with the same key', () => {
    const vehicle = new X509Certificate(issueVehicle().certificatePem);
    const { certificatePem } = createAuthority({
      commonName: 'TeslaMotors',
      days: 10,
      keyPem: vehicleAuthority.keyPem,
    });
    const renewed = new X509Certificate(certificatePem);
    expect(renewed.serialNumber).not.toBe(new X509Certificate(vehicleAuthority.certificatePem).serialNumber);
    expect(vehicle.checkIssued(renewed)).toBe(true);
    expect(vehicle.verify(renewed.publicKey)).toBe(true);
  });
});

describe('issueCertificate', () => {
  it('issues a certificate that verifies against its authority only', () => {
    const { certificatePem, keyPem } = issueVehicle();
    const certificate = new X509Certificate(certificatePem);
    const issuer = new X509Certificate(vehicleAuthority.certificatePem);
    const namesake = new X509Certificate(createAuthority({ commonName: 'TeslaMotors', days: 10 }).certificatePem);
    expect(certificate.checkIssued(issuer)).toBe(true);
    expect(certificate.verify(issuer.publicKey)).toBe(true);
    expect(certificate.checkIssued(namesake)).toBe(false);
    expect(certificate.verify(namesake.publicKey)).toBe(false);
    expect(certificate.ca).toBe(false);
    expect(certificate.checkPrivateKey(createPrivateKey(keyPem))).toBe(true);
    expect(keyPem).toMatch(/^-----BEGIN PRIVATE KEY-----/);
    expect(createPrivateKey(keyPem).asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
  });

  it('sets the validity from one day back, for the given days', () => {
    const now = new Date('2026-03-01T12:00:00Z');
    const request = { authority: vehicleAuthority, subject: { commonName: VIN }, extendedKeyUsage: [], now };
    const certificate = new X509Certificate(issueCertificate({ ...request, days: 397 }).certificatePem);
    expect(new Date(certificate.validFrom)).toEqual(new Date('2026-02-28T12:00:00Z'));
    expect(new Date(certificate.validTo)).toEqual(new Date('2027-04-01T12:00:00Z'));
    const beyond2049 = new X509Certificate(issueCertificate({ ...request, days: 36_500 }).certificatePem);
    expect(new Date(beyond2049.validTo)).toEqual(new Date('2126-02-04T12:00:00Z'));
  });

  it('gives every certificate a unique positive serial number of 16 bytes', () => {
    const serials = Array.from({ length: 50 }, () => new X509Certificate(issueVehicle().certificatePem).serialNumber);
    expect(new Set(serials).size).toBe(50);
    for (const serial of serials) expect(serial).toMatch(/^[4-7][0-9A-F]{31}$/);
  });

  it('writes DNS names and IP addresses as different types', () => {
    const hosts = ['localhost', 'Telemetry.example.com', '*.example.org', '127.0.0.1', '::1'];
    const certificate = new X509Certificate(issueServer(hosts).certificatePem);
    expect(certificate.subjectAltName).toBe(
      'DNS:localhost, DNS:telemetry.example.com, DNS:*.example.org, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
    );
    expect(certificate.checkHost('telemetry.example.com')).toBeDefined();
    expect(certificate.checkIP('::1')).toBeDefined();
    expect(certificate.checkHost('other.example.com')).toBeUndefined();
  });

  it('keeps names that are not ASCII', () => {
    const { certificatePem } = issueCertificate({
      authority: createAuthority({ commonName: 'Prüf-CA', days: 10 }),
      subject: { commonName: 'ä€', organizationalUnits: ['Müller, Söhne'] },
      extendedKeyUsage: [],
      days: 10,
    });
    expect(new X509Certificate(certificatePem).toLegacyObject()).toMatchObject({
      issuer: { CN: 'Prüf-CA' },
      subject: { CN: 'ä€', OU: 'Müller, Söhne' },
    });
  });

  it('uses a given key', () => {
    const { keyPem } = issueVehicle();
    const again = issueCertificate({
      authority: vehicleAuthority,
      subject: { commonName: VIN },
      extendedKeyUsage: [],
      days: 10,
      keyPem,
    });
    expect(again.keyPem).toBe(keyPem);
    expect(new X509Certificate(again.certificatePem).checkPrivateKey(createPrivateKey(keyPem))).toBe(true);
  });

  it('rejects invalid hosts, and authorities and keys that are not usable', () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' });
    const vehicle = issueVehicle();
    expect(() => issueServer(['not a host'])).toThrow(CertificateRequestError);
    expect(() => issueVehicle(vehicle)).toThrow(/not a CA certificate/);
    expect(() => issueVehicle({ ...vehicleAuthority, keyPem: serverAuthority.keyPem })).toThrow(/does not belong/);
    expect(() => issueVehicle({ ...vehicleAuthority, keyPem: rsa.toString() })).toThrow(/not a P-256 key/);
    expect(() => issueVehicle({ ...vehicleAuthority, keyPem: 'nonsense' })).toThrow(/can't be read/);
    expect(() => issueVehicle({ ...vehicleAuthority, certificatePem: 'nonsense' })).toThrow(CertificateRequestError);
  });
});

describe('a TLS handshake with these certificates', () => {
  it('succeeds in both directions, and the server learns the VIN', async () => {
    const outcome = await handshake({ client: issueVehicle(), host: '127.0.0.1' });
    expect(outcome).toEqual({ senderId: `vehicle_device.${VIN}`, server: 'accepted' });
  });

  it("refuses a vehicle of another authority with the same name, and a server's certificate as a vehicle's", async () => {
    const stranger = issueVehicle(createAuthority({ commonName: 'TeslaMotors', days: 10 }));
    expect(await handshake({ client: stranger, host: '127.0.0.1' })).toMatchObject({ senderId: 'refused' });
    const wrongUse = issueServer([], vehicleAuthority);
    expect(await handshake({ client: wrongUse, host: '127.0.0.1' })).toMatchObject({ senderId: 'refused' });
  });

  it('fails at the client when the server answers to another name', async () => {
    expect(await handshake({ client: issueVehicle(), host: '127.0.0.2' })).toMatchObject({
      server: 'ERR_TLS_CERT_ALTNAME_INVALID',
    });
  });
});

/** One connection to a server that requires a vehicle's certificate; returns what each side reports. */
async function handshake(given: { client: { certificatePem: string; keyPem: string }; host: string }) {
  const serverCertificate = issueServer(['localhost', '127.0.0.1']);
  const server = createServer({
    cert: serverCertificate.certificatePem,
    key: serverCertificate.keyPem,
    ca: [vehicleAuthority.certificatePem],
    requestCert: true,
    rejectUnauthorized: true,
  });
  server.listen(0, '0.0.0.0');
  await once(server, 'listening');

  const senderId = new Promise<string>((resolve) => {
    server.on('tlsClientError', () => resolve('refused'));
    server.on('secureConnection', (socket: TLSSocket) => {
      const certificate = socket.getPeerX509Certificate();
      const identity = certificate === undefined ? undefined : identityFromCertificate(certificate.raw);
      resolve(identity !== undefined && 'senderId' in identity ? identity.senderId : 'no identity');
      socket.on('error', () => {}); // a client that rejects the server's name may reset the connection
      socket.end();
    });
  });
  const socket = connect({
    host: given.host,
    port: (server.address() as AddressInfo).port,
    ca: [serverAuthority.certificatePem],
    cert: given.client.certificatePem,
    key: given.client.keyPem,
  });
  const accepted = new Promise<string>((resolve) => {
    socket.on('secureConnect', () => resolve('accepted'));
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
  const outcome = { server: await accepted, senderId: await senderId };
  socket.destroy();
  server.close();
  await once(server, 'close');
  return outcome;
}
