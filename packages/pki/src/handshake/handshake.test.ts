import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer as createPlainServer } from 'node:net';
import { connect, createServer, type TlsOptions } from 'node:tls';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { createAuthority, extendedKeyUsages, issueCertificate } from '../certificate/index.js';
import { chainTrust } from '../server/index.js';
import { casNotNamed, readHandshake } from './index.js';
import { readServerFlight } from './server-flight.js';

const root = createAuthority({ commonName: 'root', days: 30, authorities: 1 });
const intermediate = createAuthority({ commonName: 'intermediate', days: 30, parent: root });
const other = createAuthority({ commonName: 'other', days: 30 });
const leaf = issueCertificate({
  authority: intermediate,
  subject: { commonName: 'server' },
  hosts: ['telemetry.example.com'],
  extendedKeyUsage: [extendedKeyUsages.serverAuth],
  days: 30,
});
const vehicleCas = ['TeslaMotors', 'Tesla Issuing CA'].map((commonName) => createAuthority({ commonName, days: 30 }));

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function serve(options: TlsOptions): Promise<number> {
  const server = createServer({ key: leaf.keyPem, cert: leaf.certificatePem, ...options });
  server.on('tlsClientError', () => {});
  return await listening(server);
}

async function listening(server: ReturnType<typeof createPlainServer>): Promise<number> {
  server.listen(0, '127.0.0.1');
  closers.push(() => server.close());
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

const read = (port: number, timeoutMs = 30_000) =>
  readHandshake({ host: '127.0.0.1', port, serverName: 'telemetry.example.com', timeoutMs });
const certificates = (...all: { certificatePem: string }[]) =>
  all.map(({ certificatePem }) => new X509Certificate(certificatePem));
const pem = (...all: { certificatePem: string }[]) => all.map(({ certificatePem }) => certificatePem).join('');

describe('readHandshake', () => {
  it('gets the certificates as sent, and the CAs that the server names for vehicles', async () => {
    const port = await serve({
      cert: pem(leaf, intermediate),
      requestCert: true,
      ca: vehicleCas.map(({ certificatePem }) => certificatePem),
      minVersion: 'TLSv1.2',
    });
    const { certificates: sent, acceptedCas } = await read(port);
    expect(sent.map(({ subject }) => subject)).toEqual(['CN=server', 'CN=intermediate']);
    expect(casNotNamed(certificates(...vehicleCas, other), acceptedCas!).map(({ subject }) => subject)).toEqual([
      'CN=other',
    ]);
  });

  it('reports a server that asks for no client certificate, is closed, silent, or speaks no TLS 1.2', async () => {
    expect((await read(await serve({}))).acceptedCas).toBeUndefined();
    await expect(read(await serve({ minVersion: 'TLSv1.3' }))).rejects.toMatchObject({
      problem: 'no_tls',
      message: expect.stringContaining('alert 70'),
    });
    const web = createPlainServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    await expect(read(await listening(web))).rejects.toMatchObject({ problem: 'no_tls' });
    const silent = createPlainServer();
    const port = await listening(silent);
    await expect(read(port, 20)).rejects.toMatchObject({ problem: 'time_limit' });
    silent.close();
    await expect(readHandshake({ host: '127.0.0.1', port: 1, timeoutMs: 30_000 })).rejects.toMatchObject({
      problem: 'not_reachable',
    });
  });

  it('reads any bytes without an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(0, 22, 21), (bytes, type) => {
        const record = Buffer.concat([Buffer.of(type, 3, 3, 0, bytes.length & 0xff), bytes]);
        expect(['incomplete', 'complete', 'failed']).toContain(readServerFlight(record).kind);
      }),
    );
  });
});

describe('chainTrust', () => {
  it.each([
    ['the root alone, and a whole chain', [leaf, intermediate], [root], 'trusted'],
    ['the whole chain, and the certificate alone', [leaf], [intermediate, root], 'trusted'],
    ['the intermediate CA alone', [leaf], [intermediate], 'partial'],
    ['the root alone, and the certificate alone', [leaf], [root], 'not_trusted'],
    ['another CA', [leaf, intermediate], [other], 'not_trusted'],
    ['nothing', [leaf, intermediate], [], 'not_trusted'],
  ])('agrees with a TLS client that trusts %s', async (_, sent, ca, kind) => {
    const trust = chainTrust(certificates(...sent), certificates(...ca), new Date());
    expect(trust.kind).toBe(kind);
    const port = await serve({ cert: pem(...sent) });
    const client = connect({
      host: '127.0.0.1',
      port,
      servername: 'telemetry.example.com',
      ca: ca.length === 0 ? [other.certificatePem] : ca.map(({ certificatePem }) => certificatePem),
      rejectUnauthorized: false,
    });
    await once(client, 'secureConnect');
    expect(client.authorized).toBe(kind === 'trusted');
    client.destroy();
  });

  it('names the issuer that is missing, also one that has expired', () => {
    const judge = (ca: readonly { certificatePem: string }[], now = new Date()) =>
      chainTrust(certificates(leaf), certificates(...ca), now);
    expect(judge([root])).toEqual({ kind: 'not_trusted', missing: 'CN=intermediate' });
    expect(judge([intermediate])).toEqual({ kind: 'partial', missing: 'CN=root' });
    const later = new Date(Date.now() + 40 * 86_400_000);
    expect(judge([intermediate, root], later).kind).toBe('not_trusted');
  });
});
