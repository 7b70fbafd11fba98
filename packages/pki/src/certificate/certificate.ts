// Certificates signed by a development authority, with P-256 keys. node-forge can't read or sign with elliptic-curve
// keys, so only its ASN.1 is used: the certificate is built here and signed by node:crypto (ecdsa-with-SHA256).
// Structure: RFC 5280, sections 4.1 and 4.2.

import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import {
  type Asn1,
  bitString,
  boolean,
  decode,
  encode,
  explicit,
  implicit,
  integer,
  octetString,
  oid,
  parts,
  sequence,
  set,
  time,
  utf8String,
} from '../asn1/index.js';
import { CertificateRequestError } from './errors.js';
import { parseHost } from './host.js';

export interface CertificateAndKey {
  readonly certificatePem: string;
  /** PKCS#8, unencrypted. */
  readonly keyPem: string;
}

export interface CertificateSubject {
  readonly commonName: string;
  readonly organizationalUnits?: readonly string[];
}

export interface CertificateRequest {
  readonly authority: CertificateAndKey;
  readonly subject: CertificateSubject;
  /** DNS names and IP addresses for which a server presents the certificate. */
  readonly hosts?: readonly string[];
  /** Object identifiers in dotted form; see `extendedKeyUsages` for the two that TLS defines. */
  readonly extendedKeyUsage: readonly string[];
  /** Where the certificate of the authority can be fetched, as in those of public CAs. */
  readonly issuerUrl?: string;
  readonly days: number;
  /** An existing P-256 private key; default: a new one. */
  readonly keyPem?: string;
  readonly now?: Date;
}

export const extendedKeyUsages = { serverAuth: '1.3.6.1.5.5.7.3.1', clientAuth: '1.3.6.1.5.5.7.3.2' } as const;

/** Issues a certificate for a server or a client. Throws CertificateRequestError when a host or a key is not usable. */
export function issueCertificate(request: CertificateRequest): CertificateAndKey {
  const authorityKey = readPrivateKey(request.authority.keyPem, "the authority's key");
  const authority = readAuthority(request.authority.certificatePem, authorityKey);
  const key = request.keyPem === undefined ? newPrivateKey() : readPrivateKey(request.keyPem, 'the key');
  const hosts = request.hosts ?? [];
  const usages = request.extendedKeyUsage;

  return signCertificate({
    issuer: authority.name,
    issuerKeyId: authority.keyId,
    issuerKey: authorityKey,
    subject: nameOf(request.subject),
    key,
    days: request.days,
    now: request.now ?? new Date(),
    extensions: [
      critical(BASIC_CONSTRAINTS, sequence()),
      critical(KEY_USAGE, bitString(DIGITAL_SIGNATURE, 7)),
      ...(usages.length === 0 ? [] : [extension(EXTENDED_KEY_USAGE, sequence(...usages.map(oid)))]),
      ...(hosts.length === 0 ? [] : [extension(SUBJECT_ALTERNATIVE_NAME, sequence(...hosts.map(generalName)))]),
      ...(request.issuerUrl === undefined ? [] : [extension(AUTHORITY_INFORMATION, issuerAt(request.issuerUrl))]),
    ],
  });
}

/** A certificate that may sign others: self-signed, or of a parent. */
export function issueAuthorityCertificate(options: {
  subject: CertificateSubject;
  parent?: CertificateAndKey | undefined;
  /** Below itself; default 0. */
  authorities?: number | undefined;
  days: number;
  keyPem?: string | undefined;
  now: Date;
}): CertificateAndKey {
  const { parent, authorities = 0 } = options;
  const key = options.keyPem === undefined ? newPrivateKey() : readPrivateKey(options.keyPem, "the authority's key");
  const name = nameOf(options.subject);
  const parentKey = parent && readPrivateKey(parent.keyPem, "the parent's key");
  const issuer = parent && parentKey && readAuthority(parent.certificatePem, parentKey);
  return signCertificate({
    issuer: issuer?.name ?? name,
    issuerKeyId: issuer === undefined ? keyIdOf(key) : issuer.keyId,
    issuerKey: parentKey ?? key,
    subject: name,
    key,
    days: options.days,
    now: options.now,
    extensions: [
      critical(BASIC_CONSTRAINTS, sequence(boolean(true), integer(Uint8Array.of(authorities)))),
      critical(KEY_USAGE, bitString(CERTIFICATE_AND_CRL_SIGNATURE, 1)),
    ],
  });
}

/** The last step of both; exported for tests that need invalid names. */
export function signCertificate(options: {
  issuer: Asn1;
  issuerKeyId: Uint8Array | undefined;
  issuerKey: KeyObject;
  subject: Asn1;
  key: KeyObject;
  days: number;
  now: Date;
  extensions: readonly Asn1[];
}): CertificateAndKey {
  // One day back: the verifier's clock may be behind ours. `days` counts from there.
  const notBefore = new Date(options.now.getTime() - DAY_MS);
  const notAfter = new Date(notBefore.getTime() + options.days * DAY_MS);
  const publicKey = createPublicKey(options.key).export({ type: 'spki', format: 'der' });
  const keyIds = [
    extension(SUBJECT_KEY_IDENTIFIER, octetString(keyIdOf(options.key))),
    ...(options.issuerKeyId === undefined
      ? []
      : [extension(AUTHORITY_KEY_IDENTIFIER, sequence(implicit(0, options.issuerKeyId)))]),
  ];
  const toBeSigned = sequence(
    explicit(0, integer(Uint8Array.of(2))), // version 3
    integer(newSerialNumber()),
    sequence(oid(ECDSA_WITH_SHA256)),
    options.issuer,
    sequence(time(notBefore), time(notAfter)),
    options.subject,
    decode(publicKey),
    explicit(3, sequence(...options.extensions, ...keyIds)),
  );
  const signature = sign('sha256', encode(toBeSigned), options.issuerKey);
  const certificate = sequence(toBeSigned, sequence(oid(ECDSA_WITH_SHA256)), bitString(signature));
  return {
    certificatePem: new X509Certificate(encode(certificate)).toString(),
    keyPem: options.key.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

const DAY_MS = 86_400_000;

const AUTHORITY_INFORMATION = '1.3.6.1.5.5.7.1.1';
const CA_ISSUERS = '1.3.6.1.5.5.7.48.2';
const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';
const COMMON_NAME = '2.5.4.3';
const ORGANIZATIONAL_UNIT = '2.5.4.11';
const SUBJECT_KEY_IDENTIFIER = '2.5.29.14';
const KEY_USAGE = '2.5.29.15';
const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17';
const BASIC_CONSTRAINTS = '2.5.29.19';
const AUTHORITY_KEY_IDENTIFIER = '2.5.29.35';
const EXTENDED_KEY_USAGE = '2.5.29.37';

/** Key usage is a bit string counted from the left: bit 0, and bits 5 and 6. */
const DIGITAL_SIGNATURE = Uint8Array.of(0b1000_0000);
const CERTIFICATE_AND_CRL_SIGNATURE = Uint8Array.of(0b0000_0110);

export function nameOf(subject: CertificateSubject): Asn1 {
  const units = subject.organizationalUnits ?? [];
  return sequence(
    ...units.map((unit) => attribute(ORGANIZATIONAL_UNIT, utf8String(unit))),
    attribute(COMMON_NAME, utf8String(subject.commonName)),
  );
}

export function attribute(type: string, value: Asn1): Asn1 {
  return set(sequence(oid(type), value));
}

export function extension(id: string, value: Asn1): Asn1 {
  return sequence(oid(id), octetString(encode(value)));
}

function critical(id: string, value: Asn1): Asn1 {
  return sequence(oid(id), boolean(true), octetString(encode(value)));
}

function issuerAt(url: string): Asn1 {
  return sequence(sequence(oid(CA_ISSUERS), implicit(6, Buffer.from(url, 'latin1'))));
}

function generalName(text: string): Asn1 {
  const host = parseHost(text);
  if (host === undefined) {
    throw new CertificateRequestError(`${JSON.stringify(text)} is neither a DNS name nor an IP address`);
  }
  return host.kind === 'dns' ? implicit(2, Buffer.from(host.name, 'latin1')) : implicit(7, host.octets);
}

/** 16 random bytes; the first is within 0x40 to 0x7f, so the number is positive and has a fixed length. */
function newSerialNumber(): Uint8Array {
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  return serial;
}

export function newPrivateKey(): KeyObject {
  // In Node 20 a key that shares the lock of the job that generated it can stop the process permanently: its export as JWK
  // holds the lock, and a garbage collection in it frees the job, which waits for the same lock. A parsed key has its own.
  const { privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'prime256v1',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  return createPrivateKey(privateKey);
}

function readPrivateKey(pem: string, what: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (cause) {
    throw new CertificateRequestError(`${what} can't be read as an unencrypted PEM private key`, { cause });
  }
  if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new CertificateRequestError(`${what} is not a P-256 key; other keys are not supported`);
  }
  return key;
}

/** RFC 5280's first method of a key identifier: SHA-1 of the public key's bits. An identifier, not a protection. */
export function keyIdOf(key: KeyObject): Uint8Array {
  const { x = '', y = '' } = createPublicKey(key).export({ format: 'jwk' });
  const point = Buffer.concat([Uint8Array.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
  return createHash('sha1').update(point).digest();
}

/** The authority's name and key id with the exact bytes of its certificate: a verifier compares the bytes. */
function readAuthority(certificatePem: string, key: KeyObject): { name: Asn1; keyId: Uint8Array | undefined } {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(certificatePem);
  } catch (cause) {
    throw new CertificateRequestError("the authority's certificate can't be read", { cause });
  }
  if (!certificate.ca) throw new CertificateRequestError("the authority's certificate is not a CA certificate");
  if (!certificate.checkPrivateKey(key)) {
    throw new CertificateRequestError("the authority's key does not belong to its certificate");
  }
  const [toBeSigned] = parts(decode(certificate.raw));
  const [, , , , , name, , wrapper] = parts(toBeSigned); // version 3, like every CA certificate with extensions
  const keyId = parts(parts(wrapper)[0])
    .map((node) => parts(node))
    .find(([id]) => id?.value === oid(SUBJECT_KEY_IDENTIFIER).value)
    ?.at(-1);
  if (name === undefined) throw new CertificateRequestError("the authority's certificate has no subject");
  return { name, keyId: keyId === undefined ? undefined : keyIdFrom(keyId) };
}

function keyIdFrom(value: Asn1): Uint8Array | undefined {
  const inner = typeof value.value === 'string' ? decode(Buffer.from(value.value, 'latin1')) : value.value[0];
  return typeof inner?.value === 'string' ? Buffer.from(inner.value, 'latin1') : undefined;
}
