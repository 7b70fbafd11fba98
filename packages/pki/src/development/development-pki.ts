// The certificates with which everything runs on one machine: a vehicle CA named as Tesla's, a server CA, a server
// certificate and one certificate a vehicle. Makes what is missing, about to expire or no longer fitting; keeps the rest.
// A key, once on disk, is never replaced: certificates are made again for the same key, so what an authority has signed
// stays valid when it is renewed, and two processes that start at once end up with one authority.

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
/** What clients with Apple's rules still accept from a server is 398. */
const SERVER_DAYS = 397;
const RENEWAL_DAYS = 30;

/** An issuer of which identity.ts says: whatever it signs is a vehicle. */
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
  /** The certificate files that were written by this call. */
  readonly made: readonly string[];
}

export interface DevelopmentPkiRequest {
  readonly directory: string;
  /** In addition to localhost, 127.0.0.1 and ::1. */
  readonly hosts: readonly string[];
  readonly vins: readonly string[];
  readonly now?: Date;
}

/** Throws DevelopmentPkiError when a file is in the way, CertificateRequestError when a host is none. */
export function ensureDevelopmentPki(request: DevelopmentPkiRequest): DevelopmentPki {
  const room: Room = { directory: request.directory, now: request.now ?? new Date(), made: [] };
  ensurePrivateDirectory(room.directory);
  const vehicleAuthority = ensureAuthority(room, 'ca', VEHICLE_AUTHORITY_NAME);
  const serverAuthority = ensureAuthority(room, 'server-ca', SERVER_AUTHORITY_NAME);
  const server = ensureServer(room, serverAuthority, [...new Set([...LOCAL_HOSTS, ...request.hosts])]);
  const vehicles = request.vins.map((vin): [string, CertificateFiles] => [
    vin,
    ensureVehicle(room, vehicleAuthority, vin),
  ]);
  return {
    vehicleAuthority: vehicleAuthority.files,
    serverAuthority: serverAuthority.files,
    server,
    vehicles: new Map(vehicles),
    made: room.made,
  };
}

/** One vehicle's certificate alone, and the vehicle CA if there is none yet. */
export function ensureVehicleCertificate(request: { directory: string; vin: string; now?: Date }): CertificateFiles {
  const room: Room = { directory: request.directory, now: request.now ?? new Date(), made: [] };
  ensurePrivateDirectory(room.directory);
  return ensureVehicle(room, ensureAuthority(room, 'ca', VEHICLE_AUTHORITY_NAME), request.vin);
}

interface Room {
  readonly directory: string;
  readonly now: Date;
  readonly made: string[];
}

interface Authority extends CertificateAndKey {
  readonly files: CertificateFiles;
}

function ensureAuthority(room: Room, name: string, commonName: string): Authority {
  const files = filesOf(room.directory, name);
  const ensured = ensureCertificate(room, files, {
    isFitting: (certificate) =>
      certificate.ca && hasCommonName(certificate, commonName) && certificate.verify(certificate.publicKey),
    make: (keyPem) => createAuthority({ commonName, days: AUTHORITY_DAYS, keyPem, now: room.now }),
  });
  return { ...ensured, files };
}

function ensureServer(room: Room, authority: Authority, hosts: readonly string[]): CertificateFiles {
  const files = filesOf(room.directory, 'server');
  ensureCertificate(room, files, {
    isFitting: (certificate) => isIssuedBy(certificate, authority) && hosts.every((host) => covers(certificate, host)),
    make: (keyPem) =>
      issueCertificate({
        authority,
        subject: { commonName: SERVER_NAME },
        hosts,
        extendedKeyUsage: [extendedKeyUsages.serverAuth],
        days: SERVER_DAYS,
        keyPem,
        now: room.now,
      }),
  });
  return files;
}

function ensureVehicle(room: Room, authority: Authority, vin: string): CertificateFiles {
  const directory = join(room.directory, 'vehicles');
  // Also what keeps a "VIN" like ../server from naming a file elsewhere.
  if (!isDeviceId(vin)) {
    const shown = JSON.stringify(vin.slice(0, 80));
    throw new DevelopmentPkiError(`${shown} can't be a VIN: 1 to 64 letters, digits and "-" are expected`, {
      file: directory,
    });
  }
  ensurePrivateDirectory(directory);
  const files = filesOf(directory, vin);
  ensureCertificate(room, files, {
    isFitting: (certificate) => isIssuedBy(certificate, authority) && hasCommonName(certificate, vin),
    make: (keyPem) =>
      issueCertificate({
        authority,
        subject: { commonName: vin },
        extendedKeyUsage: [extendedKeyUsages.clientAuth],
        days: VEHICLE_DAYS,
        keyPem,
        now: room.now,
      }),
  });
  return files;
}

/** The same for all four: the key first, then a certificate that belongs to it, lasts and fits, or a new one. */
function ensureCertificate(
  room: Room,
  files: CertificateFiles,
  kind: { isFitting: (certificate: X509Certificate) => boolean; make: (keyPem: string) => CertificateAndKey },
): CertificateAndKey {
  const keyPem = readIfPresent(files.keyFile) ?? writeKeyOnce(files.keyFile, newKeyPem());
  restrictKey(files.keyFile);
  const key = readKey(keyPem, files.keyFile);

  const present = readIfPresent(files.certFile);
  const certificate = present === undefined ? undefined : readCertificate(present);
  if (
    present !== undefined &&
    certificate?.checkPrivateKey(key) &&
    lasts(certificate, room.now) &&
    kind.isFitting(certificate)
  ) {
    return { certificatePem: present, keyPem };
  }
  const made = kind.make(keyPem);
  writeCertificate(files.certFile, made.certificatePem);
  room.made.push(files.certFile);
  return made;
}

function filesOf(directory: string, name: string): CertificateFiles {
  return { certFile: join(directory, `${name}.pem`), keyFile: join(directory, `${name}.key`) };
}

function newKeyPem(): string {
  return newPrivateKey().export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** A key that we can't use may be one that somebody needs: it is left alone and its owner told. */
function readKey(keyPem: string, file: string): KeyObject {
  const problem = 'not an unencrypted P-256 private key; move the file away to have a new key made';
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
    return undefined; // damaged is as good as missing: a certificate can always be made again from its key
  }
}

function lasts(certificate: X509Certificate, now: Date): boolean {
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
  // A text that is no host is not covered, and making the certificate again says what is wrong with it.
  return host !== undefined && hostsOf(certificate).includes(host.name);
}
