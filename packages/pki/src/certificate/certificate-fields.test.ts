import { X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bitString, encode, explicit, integer, octetString, oid, sequence } from '../asn1/asn1.js';
import { createAuthority } from './authority.js';
import { issueCertificate } from './certificate.js';
import { readCertificateFields } from './certificate-fields.js';

const authority = createAuthority({ commonName: 'Tesla Motors Product Issuing CA', days: 10 });
const usages = ['1.3.6.1.5.5.7.3.2', '1.3.6.1.4.1.49279.2.5.1'];
const { certificatePem } = issueCertificate({
  authority,
  subject: { commonName: '5YJ3E1EA7KF000001', organizationalUnits: ['first, unit', 'second\nunit'] },
  hosts: ['localhost'],
  extendedKeyUsage: usages,
  days: 10,
});
const der = new Uint8Array(new X509Certificate(certificatePem).raw);
const fields = {
  issuerCommonNames: ['Tesla Motors Product Issuing CA'],
  subjectCommonNames: ['5YJ3E1EA7KF000001'],
  subjectOrganizationalUnits: ['first, unit', 'second\nunit'],
  extendedKeyUsages: usages,
};

describe('readCertificateFields', () => {
  it('reads names and usages in order, with any characters in a name', () => {
    expect(readCertificateFields(der)).toEqual(fields);
  });

  it('reads the same from a view into a larger buffer', () => {
    const around = new Uint8Array(der.length + 200).fill(0x30);
    around.set(der, 100);
    expect(readCertificateFields(around.subarray(100, 100 + der.length))).toEqual(fields);
  });

  it('reads a certificate without extensions', () => {
    expect(readCertificateFields(bareCertificate())).toEqual({
      issuerCommonNames: [],
      subjectCommonNames: [],
      subjectOrganizationalUnits: [],
      extendedKeyUsages: [],
    });
  });

  it('fails on a second list of usages', () => {
    const list = sequence(oid('1.2.3'));
    const usage = sequence(oid('2.5.29.37'), octetString(encode(list)));
    expect(readCertificateFields(bareCertificate(explicit(3, sequence(usage))))).toMatchObject({
      extendedKeyUsages: ['1.2.3'],
    });
    expect(readCertificateFields(bareCertificate(explicit(3, sequence(usage, usage))))).toMatchObject({
      problem: 'extended key usage given twice',
    });
  });

  it('fails on a certificate that is truncated at any length or followed by a byte', () => {
    for (let length = 0; length < der.length; length++) {
      expect(readCertificateFields(der.subarray(0, length))).toHaveProperty('problem');
    }
    expect(readCertificateFields(Uint8Array.from([...der, 0]))).toHaveProperty('problem');
  });

  it('returns fields or a failure inside the buffer when any bytes are changed', () => {
    const change = fc.record({ at: fc.nat(der.length - 1), byte: fc.integer({ min: 0, max: 255 }) });
    let failures = 0;
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const mutated = Uint8Array.from(der);
        for (const { at, byte } of changes) mutated[at] = byte;
        const result = readCertificateFields(mutated);
        if (!('problem' in result)) return;
        failures += 1;
        expect(result.offset).toBeGreaterThanOrEqual(0);
        expect(result.offset).toBeLessThanOrEqual(mutated.length);
      }),
      { numRuns: 5_000 },
    );
    expect(failures).toBeGreaterThan(100);
  });

  it('returns a failure for random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(readCertificateFields(bytes)).toHaveProperty('problem');
      }),
    );
  });
});

function bareCertificate(...extensions: Parameters<typeof sequence>) {
  const empty = sequence();
  const signed = sequence(integer(Uint8Array.of(1)), empty, empty, empty, empty, empty, ...extensions);
  return new Uint8Array(encode(sequence(signed, empty, bitString(new Uint8Array()))));
}
