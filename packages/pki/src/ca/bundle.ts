// A bundle of CA certificates: a PEM file with free text between the blocks. A partly readable bundle is rejected, since
// the vehicles of a missing CA would be refused without an explanation.

import { X509Certificate } from 'node:crypto';
import { CaBundleError } from './errors.js';

export interface CaBundle {
  readonly certificates: readonly X509Certificate[];
  /** The same certificates as PEM texts, as node:tls expects them. */
  readonly pem: readonly string[];
  /** Not an error: Tesla's own bundle contains one, which no vehicle needs any more. */
  readonly expired: readonly ExpiredCa[];
}

export interface ExpiredCa {
  /** Without line breaks. */
  readonly subject: string;
  readonly notAfter: Date;
}

/**
 * Reads every certificate of a PEM text, in order. `source` names the text in messages, usually its path. Throws
 * CaBundleError: no certificate in it, or the n-th block is not a certificate or can't be read.
 */
export function readCaBundle(pemText: string, source: string, options: { now?: Date } = {}): CaBundle {
  const certificates = pemBlocks(pemText).map((block) => readBlock(block, source));
  if (certificates.length === 0) {
    throw new CaBundleError(
      'no_certificate',
      `${source}: no certificate in it; a PEM file with -----BEGIN CERTIFICATE----- lines is expected`,
      { source },
    );
  }
  const now = options.now ?? new Date();
  return {
    certificates,
    pem: certificates.map((certificate) => certificate.toString()),
    expired: certificates.map(expiryOf).filter(({ notAfter }) => notAfter < now),
  };
}

interface PemBlock {
  readonly number: number;
  readonly line: number;
  readonly label: string;
  readonly text: string;
}

/** From each BEGIN line to the END line of the same label, or to the next BEGIN line. */
function pemBlocks(pemText: string): PemBlock[] {
  const begins = [...pemText.matchAll(/-----BEGIN ([^\r\n]*?)-----/g)];
  return begins.map((begin, i) => {
    const label = begin[1] ?? '';
    const rest = pemText.slice(begin.index, begins[i + 1]?.index);
    const endLine = `-----END ${label}-----`;
    const end = rest.indexOf(endLine);
    const text = end < 0 ? rest : rest.slice(0, end + endLine.length);
    return { number: i + 1, line: pemText.slice(0, begin.index).split('\n').length, label, text };
  });
}

function readBlock(block: PemBlock, source: string): X509Certificate {
  const place = { source, block: block.number, line: block.line };
  const where = `${source}: PEM block ${block.number} (line ${block.line})`;
  if (block.label !== 'CERTIFICATE') {
    const message = `${where} is a ${block.label.slice(0, 40)}, not a certificate; a CA bundle holds certificates only`;
    throw new CaBundleError('not_a_certificate', message, place);
  }
  try {
    return new X509Certificate(block.text);
  } catch (cause) {
    const message = `${where} can't be read as a certificate; the file is damaged or truncated, fetch it again`;
    throw new CaBundleError('unreadable_certificate', message, { ...place, cause });
  }
}

function expiryOf(certificate: X509Certificate): ExpiredCa {
  return { subject: certificate.subject.replaceAll('\n', ', '), notAfter: new Date(certificate.validTo) };
}
