// The certificate of a fleetbridge server: read from two PEM files and checked before use, because node:tls accepts an
// expired or half renewed certificate without an error, and only the clients fail.

import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { hostsOf } from '../certificate/index.js';
import type { CertificateFiles } from '../files/index.js';
import { missingIssuer } from './certificate-chain.js';
import { isPattern, matchingFiles } from './certificate-pattern.js';
import { ServerCertificateError } from './errors.js';

export interface ServerCertificateFiles extends CertificateFiles {
  /** PEM: the server's certificate, then its intermediates. With a directory `*` in both paths: the pair that expires last. */
  readonly certFile: string;
  readonly keyFile: string;
  /** Served until the other files contain a usable pair, which another program still has to obtain. */
  readonly until?: CertificateFiles | undefined;
}

export interface ServerCertificate {
  /** Both as PEM text, as node:tls expects them (`createServer`, `setSecureContext`). */
  readonly cert: string;
  readonly key: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** The CA whose certificate is missing behind the first one: clients can't verify the server. */
  readonly missingIssuer?: string | undefined;
  /** DNS names and IP addresses in the certificate; IPv6 in its shortest form. */
  readonly hosts: readonly string[];
  /** Set while the pair of `until` is in use: why the other one is not usable. */
  readonly awaited?: ServerCertificateError;
}

/** The configured paths, or those of the development certificate in `dataDir`. */
export function serverCertificateFiles(place: {
  certFile: string | undefined;
  keyFile: string | undefined;
  dataDir: string;
}): ServerCertificateFiles {
  const own = { certFile: join(place.dataDir, 'pki', 'server.pem'), keyFile: join(place.dataDir, 'pki', 'server.key') };
  const files = { certFile: place.certFile ?? own.certFile, keyFile: place.keyFile ?? own.keyFile };
  return isPattern(files) ? { ...files, until: own } : files;
}

/** Reads and checks the pair. Throws ServerCertificateError with the file and what to do. */
export async function loadServerCertificate(
  files: ServerCertificateFiles,
  options: { now?: Date } = {},
): Promise<ServerCertificate> {
  const now = options.now ?? new Date();
  try {
    return await readCertificateIn(files, now);
  } catch (awaited) {
    if (files.until === undefined || !(awaited instanceof ServerCertificateError)) throw awaited;
    return { ...(await readCertificateIn(files.until, now)), awaited };
  }
}

/** The same without `until`. Throws ServerCertificateError. */
export async function readCertificateIn(files: CertificateFiles, now: Date): Promise<ServerCertificate> {
  if (!isPattern(files)) return checkPair(await readPair(files), files, now);
  let best: ServerCertificate | undefined;
  let firstError: ServerCertificateError | undefined;
  for (const candidate of await matchingFiles(files)) {
    try {
      const found = checkPair(await readPair(candidate), candidate, now);
      if (best === undefined || found.notAfter > best.notAfter) best = found;
    } catch (error) {
      if (!(error instanceof ServerCertificateError)) throw error;
      // the directory belongs to another host
      if (error.problem !== 'missing') firstError ??= error;
    }
  }
  if (best !== undefined) return best;
  const { certFile } = files;
  throw firstError ?? new ServerCertificateError('missing', `no file matches ${certFile} yet`, { file: certFile });
}

export interface PemPair {
  readonly cert: string;
  readonly key: string;
}

async function readPair(files: CertificateFiles): Promise<PemPair> {
  // one after the other: when both are missing, the error names the first
  const cert = await readText(files.certFile);
  return { cert, key: await readText(files.keyFile) };
}

/** The checks without I/O. */
export function checkPair(pair: PemPair, files: CertificateFiles, now: Date): ServerCertificate {
  const { certFile, keyFile } = files;
  const certificate = readCertificate(pair.cert, certFile);
  const key = readKey(pair.key, keyFile);
  if (!certificate.checkPrivateKey(key)) {
    throw new ServerCertificateError(
      'key_mismatch',
      `the key in ${keyFile} does not belong to the first certificate in ${certFile}; take both from the same renewal, the server's own certificate before its intermediates`,
      { file: keyFile },
    );
  }
  const notAfter = new Date(certificate.validTo);
  if (notAfter <= now) {
    throw new ServerCertificateError(
      'expired',
      `the certificate in ${certFile} expired at ${notAfter.toISOString()}; renew it`,
      { file: certFile },
    );
  }
  try {
    createSecureContext({ cert: pair.cert, key: pair.key });
  } catch (cause) {
    // Remaining causes: a damaged block after the first certificate, or a key too weak for OpenSSL.
    throw new ServerCertificateError(
      'unreadable',
      `TLS does not accept the certificates in ${certFile}; check that each block in it is a whole certificate`,
      { file: certFile, cause },
    );
  }
  const notBefore = new Date(certificate.validFrom);
  const life = { notBefore, notAfter, missingIssuer: missingIssuer(pair.cert) };
  return { cert: pair.cert, key: pair.key, ...life, hosts: hostsOf(certificate) };
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') {
      throw new ServerCertificateError('missing', `no file ${file}; check the path, or put the file there`, {
        file,
        cause,
      });
    }
    throw new ServerCertificateError(
      'unreadable',
      `can't read ${file} (${codeOf(cause)}); let the user that runs this server read it`,
      { file, cause },
    );
  }
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
}

function readCertificate(pem: string, file: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new ServerCertificateError('unreadable', `${file} does not start with a certificate in PEM form`, {
      file,
      cause,
    });
  }
}

function readKey(pem: string, file: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw new ServerCertificateError(
      'unreadable',
      `${file} is not a private key in PEM form without a passphrase; openssl pkey -in <key> -out <new key> removes one`,
      { file, cause },
    );
  }
}
