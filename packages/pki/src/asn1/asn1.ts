// Builds the ASN.1 elements of certificates with node-forge. Forge keeps bytes in strings, one character per byte
// ("binary strings"); only this file and certificate.ts see them.

import forge from 'node-forge';

const { asn1 } = forge;
const { Class, Type } = asn1;

export type Asn1 = forge.asn1.Asn1;

export function encode(node: Asn1): Buffer {
  return Buffer.from(asn1.toDer(node).getBytes(), 'latin1');
}

export function decode(der: Uint8Array): Asn1 {
  return asn1.fromDer(binary(der));
}

/** The children of a sequence or set. Throws for anything else: callers read certificates that OpenSSL has accepted. */
export function parts(node: Asn1 | undefined): Asn1[] {
  if (node === undefined || typeof node.value === 'string') throw new TypeError('expected an ASN.1 sequence or set');
  return node.value;
}

export function sequence(...children: Asn1[]): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.SEQUENCE, true, children);
}

export function set(...children: Asn1[]): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.SET, true, children);
}

export function oid(dotted: string): Asn1 {
  return primitive(Type.OID, asn1.oidToDer(dotted).getBytes());
}

export function boolean(value: boolean): Asn1 {
  return primitive(Type.BOOLEAN, value ? '\xff' : '\0');
}

/** A non-negative integer from its big-endian bytes, which must not start with a set high bit. */
export function integer(bytes: Uint8Array): Asn1 {
  return primitive(Type.INTEGER, binary(bytes));
}

export function utf8String(text: string): Asn1 {
  return primitive(Type.UTF8, forge.util.encodeUtf8(text));
}

export function octetString(bytes: Uint8Array): Asn1 {
  return primitive(Type.OCTETSTRING, binary(bytes));
}

export function bitString(bytes: Uint8Array, unusedBits = 0): Asn1 {
  return primitive(Type.BITSTRING, String.fromCharCode(unusedBits) + binary(bytes));
}

/** UTCTime until 2049, GeneralizedTime from 2050: required by RFC 5280, section 4.1.2.5. */
export function time(date: Date): Asn1 {
  return date.getUTCFullYear() < 2050
    ? primitive(Type.UTCTIME, asn1.dateToUtcTime(date))
    : primitive(Type.GENERALIZEDTIME, asn1.dateToGeneralizedTime(date));
}

/** `[n]` around other elements. */
export function explicit(number: number, ...children: Asn1[]): Asn1 {
  return asn1.create(Class.CONTEXT_SPECIFIC, number, true, children);
}

/** `[n]` instead of a primitive's own tag. */
export function implicit(number: number, bytes: Uint8Array): Asn1 {
  return asn1.create(Class.CONTEXT_SPECIFIC, number, false, binary(bytes));
}

function primitive(type: forge.asn1.Type, bytes: string): Asn1 {
  return asn1.create(Class.UNIVERSAL, type, false, bytes);
}

function binary(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
