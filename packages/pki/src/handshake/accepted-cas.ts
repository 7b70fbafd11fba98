// Which CAs a server does not name to its clients. A vehicle sends no certificate when its CA is not named.
import type { X509Certificate } from 'node:crypto';
import { DerReader, tags } from '../asn1/index.js';

/** The CAs of `expected` without a name in `accepted` (names as DER). */
export function casNotNamed(
  expected: readonly X509Certificate[],
  accepted: readonly Uint8Array[],
): readonly X509Certificate[] {
  const names = new Set(accepted.map(textOf));
  return expected.filter((certificate) => {
    const subject = subjectOf(certificate.raw);
    return subject === undefined || !names.has(textOf(subject));
  });
}

const VERSION = 0xa0;

/** The name of the holder as DER; undefined when the bytes are no certificate. */
function subjectOf(der: Uint8Array): Uint8Array | undefined {
  const reader = new DerReader(der);
  const certificate = reader.next(reader.whole(), tags.sequence);
  const signed = reader.next(certificate, tags.sequence);
  if (reader.nextIs(signed, VERSION)) reader.next(signed, VERSION);
  reader.next(signed, tags.integer); // serial number
  // signature algorithm, issuer, validity
  for (let part = 0; part < 3; part += 1) reader.next(signed, tags.sequence);
  const start = signed.at;
  reader.next(signed, tags.sequence);
  return reader.failure === undefined ? der.subarray(start, signed.at) : undefined;
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
