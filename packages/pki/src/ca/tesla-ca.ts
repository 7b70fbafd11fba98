// Tesla's vehicle CA bundle: which certificates of a text are Tesla's, and the way of the bundle from Tesla's public
// repository to our disk. What is trusted are the pinned fingerprints, not the place that the text came from.

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
  /** Its name in the directory of certificates. */
  readonly file: string;
  /** SHA-256 in small hexadecimal digits, of every certificate that this version of ours knows. */
  readonly fingerprints: readonly string[];
}

const REPOSITORY = 'https://raw.githubusercontent.com/teslamotors/fleet-telemetry/main/config/files';

export const teslaCaSources: Readonly<Record<TeslaCaName, TeslaCaSource>> = {
  production: { url: `${REPOSITORY}/prod_ca.crt`, file: 'tesla-ca.pem', fingerprints: productionFingerprints },
  engineering: { url: `${REPOSITORY}/eng_ca.crt`, file: 'tesla-eng-ca.pem', fingerprints: engineeringFingerprints },
};

export interface TeslaCaBundle extends CaBundle {
  /** In the text, but neither pinned nor accepted: left out of the bundle. */
  readonly unknown: readonly UnknownCa[];
  /** How many of those that we know are not in the text. */
  readonly missing: number;
}

export interface UnknownCa {
  readonly subject: string;
  readonly fingerprint: string;
}

export interface TeslaCaSelection {
  readonly name: TeslaCaName;
  /** Fingerprints that the operator accepts beside the pinned ones, with or without colons. */
  readonly accept?: readonly string[];
  readonly now?: Date;
}

/** The certificates of a PEM text that are Tesla's. Throws CaBundleError; TeslaCaError `none_known`. */
export function selectTeslaCas(pemText: string, source: string, selection: TeslaCaSelection): TeslaCaBundle {
  const { name, accept = [], now = new Date() } = selection;
  const known = new Set(teslaCaSources[name].fingerprints);
  const accepted = new Set(accept.map(plainFingerprint));
  const given = readCaBundle(pemText, source, { now });
  const isGood = (certificate: X509Certificate) =>
    known.has(fingerprintOf(certificate)) || accepted.has(fingerprintOf(certificate));
  const good = given.certificates.filter(isGood);
  const unknown = given.certificates.filter((certificate) => !isGood(certificate));
  if (good.length === 0) {
    throw new TeslaCaError(
      'none_known',
      `${source}: none of its ${unknown.length} certificates is one of Tesla's ${name} CAs that this version knows`,
    );
  }
  const missing = known.size - new Set(good.map(fingerprintOf).filter((one) => known.has(one))).size;
  return {
    ...readCaBundle(good.map(String).join(''), source, { now }),
    unknown: unknown.map((certificate) => ({
      subject: certificate.subject.replaceAll('\n', ', '),
      fingerprint: fingerprintOf(certificate),
    })),
    missing,
  };
}

/** As the lists write it: small letters, no colons. */
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
  /** Where it is now. */
  readonly file: string;
  readonly from: string;
  readonly isChanged: boolean;
}

/**
 * Fetches, checks and stores the bundle; what is stored holds only what was accepted. On any failure the file that was
 * there stays as it is. Throws TeslaCaError (its `storedFile` says whether there is one), DevelopmentPkiError.
 */
export async function fetchTeslaCas(request: TeslaCaFetch): Promise<FetchedTeslaCa> {
  const source = teslaCaSources[request.name];
  const from = request.from ?? source.url;
  const file = join(request.directory, source.file);
  const before = readIfPresent(file);
  try {
    const bundle = selectTeslaCas(await readFrom(from), from, request);
    const text = bundle.pem.join('');
    const isChanged = before !== text;
    if (isChanged) {
      ensurePrivateDirectory(request.directory);
      writeCertificate(file, text);
    }
    return { ...bundle, file, from, isChanged };
  } catch (error) {
    if (!(error instanceof TeslaCaError || error instanceof CaBundleError)) throw error;
    const problem = error instanceof TeslaCaError ? error.problem : 'unreadable';
    const storedFile = before === undefined ? undefined : file;
    throw new TeslaCaError(problem, error.message, { storedFile, cause: error });
  }
}

/** What remains to do when nothing could be fetched and there is no bundle of an earlier time. */
export function teslaCaByHand(name: TeslaCaName): string {
  const option = name === 'engineering' ? ' --engineering' : '';
  return [
    'There is no bundle of an earlier time either. Download this file on a machine that can:',
    `  ${teslaCaSources[name].url}`,
    `and then: fleetbridge ca fetch${option} --from <the file>`,
  ].join('\n');
}

/** Tesla's bundle has 30 KB. */
const MAX_BYTES = 1_000_000;
const FETCH_MS = 30_000;

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
    const response = await fetch(url, { signal: AbortSignal.timeout(FETCH_MS) });
    if (!response.ok) {
      // an unread body would hold the process for seconds
      await response.body?.cancel();
      throw new TeslaCaError('unreachable', `${url} answered ${response.status}`);
    }
    const decoder = new TextDecoder();
    for await (const part of response.body ?? []) {
      text += decoder.decode(part, { stream: true });
      if (text.length > MAX_BYTES) throw new TeslaCaError('unreadable', `${url} gives far more than a CA bundle`);
    }
  } catch (cause) {
    if (cause instanceof TeslaCaError) throw cause;
    // fetch says "fetch failed"; what failed is its cause
    const reason = (cause as Error).cause instanceof Error ? ((cause as Error).cause as Error) : (cause as Error);
    throw new TeslaCaError('unreachable', `can't fetch ${url} (${reason.message})`, { cause });
  }
  return text;
}
