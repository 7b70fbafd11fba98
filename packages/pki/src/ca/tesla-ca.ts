// Tesla's vehicle CA bundle: selects Tesla's certificates from a text, and fetches the bundle from Tesla's public
// repository. Trust comes from the pinned fingerprints, not from the source of the text.

import type { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensurePrivateDirectory, readIfPresent, writeCertificate } from '../files/index.js';
import { type CaBundle, readCaBundle } from './bundle.js';
import { CaBundleError, TeslaCaError } from './errors.js';
import { engineeringFingerprints, productionFingerprints } from './tesla-ca-fingerprints.js';

export type TeslaCaName = 'production' | 'engineering';

export interface TeslaCaSource {
  readonly url: string;
  /** Its file name in the certificate directory. */
  readonly file: string;
  /** SHA-256, lower-case hexadecimal, of every certificate that this version of fleetbridge knows. */
  readonly fingerprints: readonly string[];
}

const REPOSITORY = 'https://raw.githubusercontent.com/teslamotors/fleet-telemetry/main/config/files';

export const teslaCaSources: Readonly<Record<TeslaCaName, TeslaCaSource>> = {
  production: { url: `${REPOSITORY}/prod_ca.crt`, file: 'tesla-ca.pem', fingerprints: productionFingerprints },
  engineering: { url: `${REPOSITORY}/eng_ca.crt`, file: 'tesla-eng-ca.pem', fingerprints: engineeringFingerprints },
};

export interface TeslaCaBundle extends CaBundle {
  /** In the text, but neither pinned nor accepted, and therefore not in the bundle. */
  readonly unknown: readonly UnknownCa[];
  /** Number of pinned certificates that are not in the text. */
  readonly missing: number;
}

export interface UnknownCa {
  readonly subject: string;
  readonly fingerprint: string;
}

export interface TeslaCaSelection {
  readonly name: TeslaCaName;
  /** Fingerprints that the operator accepts in addition to the pinned ones, with or without colons. */
  readonly accept?: readonly string[];
  readonly now?: Date;
}

/** The certificates of a PEM text that are Tesla's. Throws CaBundleError; TeslaCaError `no_known_ca`. */
export function selectTeslaCas(pemText: string, source: string, selection: TeslaCaSelection): TeslaCaBundle {
  const { name, accept = [], now = new Date() } = selection;
  const known = new Set(teslaCaSources[name].fingerprints);
  const accepted = new Set(accept.map(plainFingerprint));
  const given = readCaBundle(pemText, source, { now });
  const isTrusted = (certificate: X509Certificate) =>
    known.has(fingerprintOf(certificate)) || accepted.has(fingerprintOf(certificate));
  const trusted = given.certificates.filter(isTrusted);
  const unknown = given.certificates.filter((certificate) => !isTrusted(certificate));
  if (trusted.length === 0) {
    throw new TeslaCaError(
      'no_known_ca',
      `${source}: expected Tesla's ${name} CAs, got ${unknown.length} certificates that this version does not know`,
    );
  }
  const missing = known.size - new Set(trusted.map(fingerprintOf).filter((one) => known.has(one))).size;
  return {
    ...readCaBundle(trusted.map(String).join(''), source, { now }),
    unknown: unknown.map((certificate) => ({
      subject: certificate.subject.replaceAll('\n', ', '),
      fingerprint: fingerprintOf(certificate),
    })),
    missing,
  };
}

/** As in the lists: lower case, no colons. */
export function plainFingerprint(text: string): string {
  return text.replaceAll(':', '').toLowerCase();
}

function fingerprintOf(certificate: X509Certificate): string {
  return plainFingerprint(certificate.fingerprint256);
}

export interface TeslaCaFetch extends TeslaCaSelection {
  /** `DATA_DIR/pki`. */
  readonly directory: string;
  /** Another https URL, or a file; default: Tesla's repository. */
  readonly from?: string;
}

export interface FetchedTeslaCa extends TeslaCaBundle {
  /** Path of the stored bundle. */
  readonly file: string;
  readonly from: string;
  readonly isChanged: boolean;
}

/**
 * Fetches, checks and stores the bundle; only accepted certificates are stored. On any failure an existing file stays
 * unchanged. Throws TeslaCaError (with `storedFile` when a file exists) and DevelopmentPkiError.
 */
export async function fetchTeslaCas(request: TeslaCaFetch): Promise<FetchedTeslaCa> {
  const source = teslaCaSources[request.name];
  const from = request.from ?? source.url;
  const file = join(request.directory, source.file);
  const previous = readIfPresent(file);
  try {
    const bundle = selectTeslaCas(await readFrom(from), from, request);
    const text = bundle.pem.join('');
    const isChanged = previous !== text;
    if (isChanged) {
      ensurePrivateDirectory(request.directory);
      writeCertificate(file, text);
    }
    return { ...bundle, file, from, isChanged };
  } catch (error) {
    if (!(error instanceof TeslaCaError || error instanceof CaBundleError)) throw error;
    const problem = error instanceof TeslaCaError ? error.problem : 'unreadable';
    const storedFile = previous === undefined ? undefined : file;
    throw new TeslaCaError(problem, error.message, { storedFile, cause: error });
  }
}

/** Instructions for the operator when the fetch failed and no bundle is stored. */
export function teslaCaManualSteps(name: TeslaCaName): string {
  const option = name === 'engineering' ? ' --engineering' : '';
  return [
    'No bundle is stored from an earlier fetch. Download this file on a machine with Internet access:',
    `  ${teslaCaSources[name].url}`,
    `Then run: fleetbridge ca fetch${option} --from <the file>`,
  ].join('\n');
}

/** Tesla's bundle has 30 KB. */
const MAX_BYTES = 1_000_000;
const FETCH_TIMEOUT_MS = 30_000;

async function readFrom(from: string): Promise<string> {
  if (/^https:/i.test(from)) return download(from);
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(from)) {
    throw new TeslaCaError('unreachable', `${from}: expected an https URL or the path of a file`);
  }
  try {
    return await readFile(from, 'utf8');
  } catch (cause) {
    throw new TeslaCaError('unreachable', `can't read ${from} (${(cause as NodeJS.ErrnoException).code})`, { cause });
  }
}

async function download(url: string): Promise<string> {
  let text = '';
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
    if (!response.ok) {
      // an unread body would keep the process alive for seconds
      await response.body?.cancel();
      throw new TeslaCaError('unreachable', `${url} answered ${response.status}`);
    }
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      if (text.length > MAX_BYTES)
        throw new TeslaCaError('unreadable', `${url}: expected a CA bundle, got more than ${MAX_BYTES} bytes`);
    }
  } catch (cause) {
    if (cause instanceof TeslaCaError) throw cause;
    // the message of fetch is only "fetch failed"; the reason is its cause
    const reason = (cause as Error).cause instanceof Error ? ((cause as Error).cause as Error) : (cause as Error);
    throw new TeslaCaError('unreachable', `can't fetch ${url} (${reason.message})`, { cause });
  }
  return text;
}
