import { createPrivateKey, X509Certificate } from 'node:crypto';
import { expect, it } from 'vitest';
import { boolean, implicit, oid, sequence } from '../asn1/index.js';
import { createAuthority } from '../certificate/authority.js';
import {
  type CertificateAndKey,
  extension,
  keyIdOf,
  nameOf,
  newPrivateKey,
  signCertificate,
} from '../certificate/certificate.js';
import { missingIssuer } from './certificate-chain.js';

const AUTHORITY_INFO_ACCESS = '1.3.6.1.5.5.7.1.1';
const CA_ISSUERS = '1.3.6.1.5.5.7.48.2';
const BASIC_CONSTRAINTS = '2.5.29.19';

const root = { ...createAuthority({ commonName: 'root', days: 30 }), name: 'root' };
const intermediate = signedBy(root, 'R11', { isCa: true, isPublic: true });
const leaf = signedBy(intermediate, 'telemetry.example.com', { isPublic: true });

it.each([
  ['the whole chain', [leaf, intermediate], undefined],
  ['the whole chain with its root', [leaf, intermediate, root], undefined],
  ['the certificate alone', [leaf], 'CN=R11'],
  ['a chain with the intermediate of another CA', [leaf, signedBy(root, 'R12', { isCa: true })], 'CN=R11'],
  ['a certificate of a private CA', [signedBy(root, 'server', {})], undefined],
  ['a self-signed certificate', [root], undefined],
])('%s', (_, chain, missing) => {
  // the root of this test is not among those that Node knows
  const pem = chain.map(({ certificatePem }) => certificatePem).join('');
  const isComplete = chain.length === 2 && missing === undefined;
  expect(missingIssuer(isComplete ? pem + root.certificatePem : pem)).toBe(missing);
});

interface Issuer extends CertificateAndKey {
  name: string;
}

function signedBy(issuer: Issuer, name: string, { isCa = false, isPublic = false }): Issuer {
  const key = newPrivateKey();
  const issuerKey = createPrivateKey(issuer.keyPem);
  const access = sequence(sequence(oid(CA_ISSUERS), implicit(6, Buffer.from('http://r11.i.example.com/'))));
  const certificate = signCertificate({
    issuer: nameOf({ commonName: issuer.name }),
    issuerKeyId: keyIdOf(issuerKey),
    issuerKey,
    subject: nameOf({ commonName: name }),
    key,
    days: 30,
    now: new Date(),
    extensions: [
      ...(isCa ? [extension(BASIC_CONSTRAINTS, sequence(boolean(true)))] : []),
      ...(isPublic ? [extension(AUTHORITY_INFO_ACCESS, access)] : []),
    ],
  });
  expect(new X509Certificate(certificate.certificatePem).issuer).toBe(`CN=${issuer.name}`);
  return { ...certificate, name };
}
