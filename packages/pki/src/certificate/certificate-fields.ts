// The four fields of a certificate that identify its holder, read from the certificate's bytes. Node's text form of the
// subject is not usable: a name with a line break or an escape can look like two attributes there.

import { type DerElement, type DerFailure, DerReader, tags } from '../asn1/index.js';

export interface CertificateFields {
  readonly issuerCommonNames: readonly string[];
  readonly subjectCommonNames: readonly string[];
  readonly subjectOrganizationalUnits: readonly string[];
  /** Object identifiers in dotted form. */
  readonly extendedKeyUsages: readonly string[];
}

/** Reads a DER certificate; each list is in the certificate's order. Never throws: any bytes give fields or a failure. */
export function readCertificateFields(der: Uint8Array): CertificateFields | DerFailure {
  const reader = new DerReader(der);
  const file = reader.whole();
  const certificate = reader.next(file, tags.sequence);
  reader.finish(file);

  const signed = reader.next(certificate, tags.sequence);
  if (reader.nextIs(signed, VERSION)) reader.next(signed, VERSION);
  reader.next(signed, tags.integer); // serial number
  reader.next(signed, tags.sequence); // signature algorithm
  const issuer = readName(reader, reader.next(signed, tags.sequence));
  reader.next(signed, tags.sequence); // validity
  const subject = readName(reader, reader.next(signed, tags.sequence));
  reader.next(signed, tags.sequence); // public key
  if (reader.nextIs(signed, ISSUER_UNIQUE_ID)) reader.next(signed, ISSUER_UNIQUE_ID);
  if (reader.nextIs(signed, SUBJECT_UNIQUE_ID)) reader.next(signed, SUBJECT_UNIQUE_ID);
  const extendedKeyUsages = reader.nextIs(signed, EXTENSIONS)
    ? readExtendedKeyUsages(reader, reader.next(signed, EXTENSIONS))
    : [];
  reader.finish(signed);

  reader.next(certificate, tags.sequence); // signature algorithm, again
  reader.next(certificate, tags.bitString); // signature
  reader.finish(certificate);

  if (reader.failure !== undefined) return reader.failure;
  return {
    issuerCommonNames: issuer.commonNames,
    subjectCommonNames: subject.commonNames,
    subjectOrganizationalUnits: subject.organizationalUnits,
    extendedKeyUsages,
  };
}

const VERSION = 0xa0;
const ISSUER_UNIQUE_ID = 0x81;
const SUBJECT_UNIQUE_ID = 0x82;
const EXTENSIONS = 0xa3;

const COMMON_NAME = Uint8Array.of(0x55, 0x04, 0x03); // 2.5.4.3
const ORGANIZATIONAL_UNIT = Uint8Array.of(0x55, 0x04, 0x0b); // 2.5.4.11
const EXTENDED_KEY_USAGE = Uint8Array.of(0x55, 0x1d, 0x25); // 2.5.29.37

/** A name is a sequence of sets of (type, value): a set usually holds one pair, but may hold more. */
function readName(reader: DerReader, name: DerElement): { commonNames: string[]; organizationalUnits: string[] } {
  const commonNames: string[] = [];
  const organizationalUnits: string[] = [];
  while (reader.hasMore(name)) {
    const set = reader.next(name, tags.set);
    while (reader.hasMore(set)) {
      const attribute = reader.next(set, tags.sequence);
      const type = reader.next(attribute, tags.objectIdentifier);
      const value = reader.next(attribute);
      reader.finish(attribute);
      if (reader.contentIs(type, COMMON_NAME)) commonNames.push(reader.text(value));
      else if (reader.contentIs(type, ORGANIZATIONAL_UNIT)) organizationalUnits.push(reader.text(value));
    }
  }
  return { commonNames, organizationalUnits };
}

function readExtendedKeyUsages(reader: DerReader, wrapper: DerElement): string[] {
  const usages: string[] = [];
  let isSeen = false;
  const extensions = reader.next(wrapper, tags.sequence);
  reader.finish(wrapper);
  while (reader.hasMore(extensions)) {
    const extension = reader.next(extensions, tags.sequence);
    const id = reader.next(extension, tags.objectIdentifier);
    if (reader.nextIs(extension, tags.boolean)) reader.next(extension, tags.boolean); // critical
    const value = reader.next(extension, tags.octetString);
    reader.finish(extension);
    if (!reader.contentIs(id, EXTENDED_KEY_USAGE)) continue;

    // With two lists, two readers could each use another one; RFC 5280 allows one extension of each kind.
    if (isSeen) reader.fail('extended key usage given twice', extension.at);
    isSeen = true;
    const list = reader.next(value, tags.sequence);
    reader.finish(value);
    while (reader.hasMore(list)) usages.push(reader.objectIdentifier(reader.next(list, tags.objectIdentifier)));
  }
  return usages;
}
