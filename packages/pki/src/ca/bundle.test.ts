import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createAuthority } from '../certificate/authority.js';
import { newPrivateKey } from '../certificate/certificate.js';
import { readCertificateFields } from '../certificate/certificate-fields.js';
import { readCaBundle } from './bundle.js';
import { CaBundleError } from './errors.js';

const repositoryRoot = new URL('../../../../', import.meta.url);
const productionBundle = fileURLToPath(new URL('../shared/tesla-ca/prod_ca.crt', repositoryRoot));

const first = createAuthority({ commonName: 'first', days: 100 }).certificatePem;
const second = createAuthority({ commonName: 'second', days: 100 }).certificatePem;
const old = createAuthority({ commonName: 'old', days: 10, now: new Date('2020-01-02T00:00:00Z') }).certificatePem;

describe('readCaBundle', () => {
  it('reads all certificates in order, with text around them and any line ends', () => {
    const text = `Issuer: CN=first\n${first}\nsome words\n${second}\n# the end`;
    for (const bundleText of [text, text.replaceAll('\n', '\r\n')]) {
      const bundle = readCaBundle(bundleText, 'ca.pem');
      expect(bundle.certificates.map(({ subject }) => subject)).toEqual(['CN=first', 'CN=second']);
      expect(bundle.pem).toEqual([first, second]);
      expect(bundle.expired).toEqual([]);
    }
  });

  it('lists an expired certificate and still reads it', () => {
    const bundle = readCaBundle(first + old, 'ca.pem');
    expect(bundle.certificates).toHaveLength(2);
    expect(bundle.expired).toEqual([{ subject: 'CN=old', notAfter: new Date('2020-01-11T00:00:00Z') }]);
    expect(readCaBundle(old, 'ca.pem', { now: new Date('2020-01-05T00:00:00Z') }).expired).toEqual([]);
  });

  it.each(['', 'nothing but words', '-----END CERTIFICATE-----'])('rejects %j: no certificate in it', (text) => {
    expect(failure(text)).toMatchObject({ problem: 'no_certificate', source: 'ca.pem', block: undefined });
  });

  it('reports which block is damaged and its line', () => {
    const damaged = second.replace(/\n.{20}/, '\n!!!!');
    const line = `words\n${first}`.split('\n').length;
    const error = failure(`words\n${first}${damaged}`);
    expect(error).toMatchObject({ problem: 'unreadable_certificate', block: 2, line });
    expect(error.message).toContain(`ca.pem: PEM block 2 (line ${line})`);
  });

  it('does not read into the next block when an END line is missing', () => {
    const cut = first.slice(0, first.indexOf('-----END'));
    expect(failure(cut)).toMatchObject({ problem: 'unreadable_certificate', block: 1 });
    expect(failure(cut + second)).toMatchObject({ problem: 'unreadable_certificate', block: 1 });
  });

  it('rejects a private key in the bundle without quoting it in the message', () => {
    const key = newPrivateKey().export({ type: 'pkcs8', format: 'pem' }).toString();
    const error = failure(first + key);
    expect(error).toMatchObject({ problem: 'not_a_certificate', block: 2 });
    expect(error.message).not.toContain(key.split('\n')[1]);
  });

  const isHere = existsSync(productionBundle);
  if (!isHere)
    console.log("skipped: Tesla's bundle ../shared/tesla-ca/prod_ca.crt is not here; the product does not carry it");
  it.skipIf(!isHere)("reads Tesla's production bundle: 14 certificates, one of them expired", () => {
    const now = new Date('2026-07-01T00:00:00Z');
    const bundle = readCaBundle(readFileSync(productionBundle, 'utf8'), productionBundle, { now });
    expect(bundle.certificates).toHaveLength(14);
    expect(bundle.expired.map(({ notAfter }) => notAfter.toISOString())).toEqual(['2025-05-06T05:29:26.000Z']);
    for (const certificate of bundle.certificates) {
      const { subject } = certificate.toLegacyObject() as unknown as {
        subject: { CN: string; OU?: string | string[] };
      };
      expect(readCertificateFields(certificate.raw)).toMatchObject({
        subjectCommonNames: [subject.CN],
        subjectOrganizationalUnits: [subject.OU ?? []].flat(),
      });
    }
  });
});

function failure(text: string): CaBundleError {
  try {
    readCaBundle(text, 'ca.pem');
  } catch (error) {
    if (error instanceof CaBundleError) return error;
    throw error;
  }
  throw new Error('the bundle was read');
}
