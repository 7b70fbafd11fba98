// A bundle of CA certificates, as a PEM file with free text between the blocks. A bundle that is half readable is not
// used: the half that is missing would be vehicles that are turned away without a word.

import { X509Certificate } from 'node:crypto';
import { CaBundleError } from './errors.js';

export interface CaBundle {
  readonly certificates: readonly X509Certificate[];
  /** The same certificates, one PEM text each, as node:tls takes them. */
  readonly pem: readonly string[];
  /** Worth a line of information, no error: Tesla's own bundle carries one, and no vehicle needs it any more. */
  readonly expired: readonly ExpiredCa[];
}

export interface ExpiredCa {
  /** On one line. */
  readonly subject: string;
  readonly notAfter: Date;
}

/**
 * Reads every certificate of a PEM text, in its order. `source` is what messages call the text, usually its path.
 * Throws CaBundleError: no certificate in it, or the n-th block is not a certificate or can't be read.
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

/** From each BEGIN line to the END line of the same label, or to the next BEGIN when there is none. */
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
    const message = `${where} can't be read as a certificate; the file is damaged or cut short, fetch it again`;
    throw new CaBundleError('unreadable_certificate', message, { ...place, cause });
  }
}

function expiryOf(certificate: X509Certificate): ExpiredCa {
  return { subject: certificate.subject.replaceAll('\n', ', '), notAfter: new Date(certificate.validTo) };
}
