// Development certificates for one machine: a vehicle CA with the name of Tesla's, a server CA, a server certificate and
// one certificate per vehicle. Issues a certificate that is missing, expires soon or no longer matches; keeps the others.
// A key on disk is never replaced: certificates are renewed for the same key. So certificates of a renewed authority
// stay valid, and two processes that start at once use one authority.

import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import {
  type CertificateAndKey,
  createAuthority,
  extendedKeyUsages,
  hostsOf,
  issueCertificate,
  newPrivateKey,
  parseHost,
  readCertificateFields,
} from '../certificate/index.js';
import {
  type CertificateFiles,
  DevelopmentPkiError,
  ensurePrivateDirectory,
  readIfPresent,
  restrictKey,
  writeCertificate,
  writeKeyOnce,
} from '../files/index.js';
import { isDeviceId } from '../identity/index.js';

const AUTHORITY_DAYS = 10 * 365;
const VEHICLE_DAYS = 5 * 365;
/** Clients with Apple's rules accept at most 398. */
const SERVER_DAYS = 397;
const RENEWAL_DAYS = 30;

/** One of the issuers of vehicles only, see identity-tables.ts. */
const VEHICLE_AUTHORITY_NAME = 'TeslaMotors';
const SERVER_AUTHORITY_NAME = 'fleetbridge development server CA';
const SERVER_NAME = 'fleetbridge development server';
const LOCAL_HOSTS = ['localhost', '127.0.0.1', '::1'];

export interface DevelopmentPki {
  readonly vehicleAuthority: CertificateFiles;
  readonly serverAuthority: CertificateFiles;
  readonly server: CertificateFiles;
  /** By VIN. */
  readonly vehicles: ReadonlyMap<string, CertificateFiles>;
  /** The certificate files that this call wrote. */
  readonly written: readonly string[];
}

export interface DevelopmentPkiRequest {
  readonly directory: string;
  /** In addition to localhost, 127.0.0.1 and ::1. */
  readonly hosts: readonly string[];
  readonly vins: readonly string[];
  readonly now?: Date;
}

/** Throws DevelopmentPkiError when a file is not usable, CertificateRequestError for an invalid host. */
export function ensureDevelopmentPki(request: DevelopmentPkiRequest): DevelopmentPki {
  const pki: PkiDirectory = { directory: request.directory, now: request.now ?? new Date(), written: [] };
  ensurePrivateDirectory(pki.directory);
  const vehicleAuthority = ensureAuthority(pki, 'ca', VEHICLE_AUTHORITY_NAME);
  const serverAuthority = ensureAuthority(pki, 'server-ca', SERVER_AUTHORITY_NAME);
  const server = ensureServer(pki, serverAuthority, [...new Set([...LOCAL_HOSTS, ...request.hosts])]);
  const vehicles = request.vins.map((vin): [string, CertificateFiles] => [
    vin,
    ensureVehicle(pki, vehicleAuthority, vin),
  ]);
  return {
    vehicleAuthority: vehicleAuthority.files,
    serverAuthority: serverAuthority.files,
    server,
    vehicles: new Map(vehicles),
    written: pki.written,
  };
}

/** The certificate of one vehicle, and the vehicle CA if it does not exist. */
export function ensureVehicleCertificate(request: { directory: string; vin: string; now?: Date }): CertificateFiles {
  const pki: PkiDirectory = { directory: request.directory, now: request.now ?? new Date(), written: [] };
  ensurePrivateDirectory(pki.directory);
  return ensureVehicle(pki, ensureAuthority(pki, 'ca', VEHICLE_AUTHORITY_NAME), request.vin);
}

interface PkiDirectory {
  readonly directory: string;
  readonly now: Date;
  readonly written: string[];
}

interface Authority extends CertificateAndKey {
  readonly files: CertificateFiles;
}

function ensureAuthority(pki: PkiDirectory, name: string, commonName: string): Authority {
  const files = filesOf(pki.directory, name);
  const ensured = ensureCertificate(pki, files, {
    isMatching: (certificate) =>
      certificate.ca && hasCommonName(certificate, commonName) && certificate.verify(certificate.publicKey),
    issue: (keyPem) => createAuthority({ commonName, days: AUTHORITY_DAYS, keyPem, now: pki.now }),
  });
  return { ...ensured, files };
}

function ensureServer(pki: PkiDirectory, authority: Authority, hosts: readonly string[]): CertificateFiles {
  const files = filesOf(pki.directory, 'server');
  ensureCertificate(pki, files, {
    isMatching: (certificate) => isIssuedBy(certificate, authority) && hosts.every((host) => covers(certificate, host)),
    issue: (keyPem) =>
      issueCertificate({
        authority,
        subject: { commonName: SERVER_NAME },
        hosts,
        extendedKeyUsage: [extendedKeyUsages.serverAuth],
        days: SERVER_DAYS,
        keyPem,
        now: pki.now,
      }),
  });
  return files;
}

function ensureVehicle(pki: PkiDirectory, authority: Authority, vin: string): CertificateFiles {
  const directory = join(pki.directory, 'vehicles');
  // Also prevents that a "VIN" such as ../server names a file elsewhere.
  if (!isDeviceId(vin)) {
    const shown = JSON.stringify(vin.slice(0, 80));
    throw new DevelopmentPkiError(`${shown} is not a VIN; expected 1 to 64 letters, digits and "-"`, {
      file: directory,
    });
  }
  ensurePrivateDirectory(directory);
  const files = filesOf(directory, vin);
  ensureCertificate(pki, files, {
    isMatching: (certificate) => isIssuedBy(certificate, authority) && hasCommonName(certificate, vin),
    issue: (keyPem) =>
      issueCertificate({
        authority,
        subject: { commonName: vin },
        extendedKeyUsage: [extendedKeyUsages.clientAuth],
        days: VEHICLE_DAYS,
        keyPem,
        now: pki.now,
      }),
  });
  return files;
}

/** The key is read or created first. Its certificate is kept if it is valid for long enough and matches. */
function ensureCertificate(
  pki: PkiDirectory,
  files: CertificateFiles,
  kind: { isMatching: (certificate: X509Certificate) => boolean; issue: (keyPem: string) => CertificateAndKey },
): CertificateAndKey {
  const keyPem = readIfPresent(files.keyFile) ?? writeKeyOnce(files.keyFile, newKeyPem());
  restrictKey(files.keyFile);
  const key = readKey(keyPem, files.keyFile);

  const present = readIfPresent(files.certFile);
  const certificate = present === undefined ? undefined : readCertificate(present);
  if (
    present !== undefined &&
    certificate?.checkPrivateKey(key) &&
    isValidLongEnough(certificate, pki.now) &&
    kind.isMatching(certificate)
  ) {
    return { certificatePem: present, keyPem };
  }
  const issued = kind.issue(keyPem);
  writeCertificate(files.certFile, issued.certificatePem);
  pki.written.push(files.certFile);
  return issued;
}

function filesOf(directory: string, name: string): CertificateFiles {
  return { certFile: join(directory, `${name}.pem`), keyFile: join(directory, `${name}.key`) };
}

function newKeyPem(): string {
  return newPrivateKey().export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** A key that is not usable here may be needed elsewhere, so it is never overwritten. */
function readKey(keyPem: string, file: string): KeyObject {
  const problem = 'expected an unencrypted P-256 private key; move the file away to create a new key';
  let key: KeyObject;
  try {
    key = createPrivateKey(keyPem);
  } catch (cause) {
    throw new DevelopmentPkiError(problem, { file, cause });
  }
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw new DevelopmentPkiError(problem, { file });
  return key;
}

function readCertificate(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined; // damaged: issued again for its key, like a missing one
  }
}

function isValidLongEnough(certificate: X509Certificate, now: Date): boolean {
  return Date.parse(certificate.validTo) - now.getTime() >= RENEWAL_DAYS * 86_400_000;
}

function isIssuedBy(certificate: X509Certificate, authority: Authority): boolean {
  const issuer = new X509Certificate(authority.certificatePem);
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function hasCommonName(certificate: X509Certificate, commonName: string): boolean {
  const fields = readCertificateFields(certificate.raw);
  return (
    !('problem' in fields) && fields.subjectCommonNames.length === 1 && fields.subjectCommonNames[0] === commonName
  );
}

function covers(certificate: X509Certificate, text: string): boolean {
  const host = parseHost(text);
  // An invalid host is not covered; issuing the certificate then reports the error.
  return host !== undefined && hostsOf(certificate).includes(host.name);
}
