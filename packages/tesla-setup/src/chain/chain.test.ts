// `ca` of the configuration from what a server sends, with CAs of the test.
import { X509Certificate } from 'node:crypto';
import { createServer } from 'node:tls';
import { createAuthority, extendedKeyUsages, issueCertificate } from '@fleetbridge/pki';
import { describe, expect, it, onTestFinished } from 'vitest';
import { certificateAuthorities, isTrustedBy, servedChain } from './index.js';

const root = createAuthority({ commonName: 'root', days: 30 });
const other = createAuthority({ commonName: 'other', days: 30 });
const leaf = issueCertificate({
  authority: root,
  subject: { commonName: 'server' },
  hosts: ['telemetry.example.com'],
  extendedKeyUsage: [extendedKeyUsages.serverAuth],
  days: 30,
});

describe('the certificate authorities of a configuration', () => {
  it('are those that sign the certificate, the root included', () => {
    const found = certificateAuthorities([leaf.certificatePem], [other.certificatePem, root.certificatePem]);
    expect(found).toMatchObject({ kind: 'found', root: 'CN=root' });
    expect(subjectsOf((found as { ca: string }).ca)).toEqual(['CN=root']);
  });

  it('may come from the server itself', () => {
    const found = certificateAuthorities([leaf.certificatePem, root.certificatePem], []);
    expect(subjectsOf((found as { ca: string }).ca)).toEqual(['CN=root']);
    const own = certificateAuthorities([root.certificatePem], []);
    expect(subjectsOf((own as { ca: string }).ca)).toEqual(['CN=root']);
  });

  it('are unknown without the root', () => {
    const unknown = { kind: 'issuer_unknown', issuer: 'CN=root' };
    expect(certificateAuthorities([leaf.certificatePem], [other.certificatePem])).toEqual(unknown);
    // the same name, another key
    const namesake = createAuthority({ commonName: 'root', days: 30 });
    expect(certificateAuthorities([leaf.certificatePem], [namesake.certificatePem])).toEqual(unknown);
    expect(certificateAuthorities([], [])).toMatchObject({ kind: 'issuer_unknown' });
  });
});

it.each([
  ['the root of the certificate', root.certificatePem, true],
  ['more roots than that', other.certificatePem + root.certificatePem, true],
  ['another root', other.certificatePem, false],
  ['the certificate of the server alone', leaf.certificatePem, false],
])('a vehicle with %s', (_, ca, isTrusted) => {
  expect(isTrustedBy(ca, [leaf.certificatePem], new Date())).toBe(isTrusted);
  expect(isTrustedBy(ca, [leaf.certificatePem, root.certificatePem], new Date())).toBe(isTrusted);
});

describe('the chain that a server sends', () => {
  it('is seen without a client certificate, although the server requires one', async () => {
    const server = createServer({
      cert: leaf.certificatePem + root.certificatePem,
      key: leaf.keyPem,
      requestCert: true,
      rejectUnauthorized: true,
    });
    server.on('tlsClientError', () => {});
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as { port: number };
    const chain = await servedChain({ host: '127.0.0.1', port, servername: 'telemetry.example.com' });
    expect(subjectsOf(chain.join(''))).toEqual(['CN=server', 'CN=root']);
  });

  it('is missing on a closed port', async () => {
    await expect(servedChain({ host: '127.0.0.1', port: 1, servername: 'x' })).rejects.toThrow('ECONNREFUSED');
  });
});

function subjectsOf(pems: string): string[] {
  const blocks = pems.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((pem) => new X509Certificate(pem).subject);
}
