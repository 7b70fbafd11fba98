// The certificates that a TLS server sends, seen by a client that verifies nothing and has no certificate itself.
import { X509Certificate } from 'node:crypto';
import { connect, type DetailedPeerCertificate } from 'node:tls';

export interface ServerPlace {
  /** Address or name to connect to. */
  readonly host: string;
  readonly port: number;
  /** The name that vehicles connect to. */
  readonly servername: string;
}

/** PEM, the server's own certificate first. Rejects when the server can't be reached in time, or sends no certificate. */
export function servedChain({ host, port, servername }: ServerPlace, timeoutMs = 5_000): Promise<string[]> {
  return new Promise((resolve, reject) => {
    // with TLS 1.3 the server judges the client's certificate after the handshake
    const socket = connect({ host, port, servername, rejectUnauthorized: false, minVersion: 'TLSv1.3' });
    const end = (error: Error | undefined, chain: string[] = []) => {
      clearTimeout(timer);
      socket.destroy();
      if (error === undefined) resolve(chain);
      else reject(error);
    };
    const timer = setTimeout(() => end(new Error(`${host}:${port} does not answer within ${timeoutMs} ms`)), timeoutMs);
    socket.once('error', end);
    socket.once('secureConnect', () => {
      const chain = pemsOf(socket.getPeerCertificate(true));
      end(chain.length === 0 ? new Error(`${host}:${port} sends no certificate`) : undefined, chain);
    });
  });
}

/** OpenSSL names the issuer of the last one again when it is self-signed. */
function pemsOf(first: DetailedPeerCertificate): string[] {
  const pems: string[] = [];
  const seen = new Set<string>();
  for (let next: DetailedPeerCertificate | undefined = first; next?.raw !== undefined; next = next.issuerCertificate) {
    if (seen.has(next.fingerprint256)) break;
    seen.add(next.fingerprint256);
    pems.push(new X509Certificate(next.raw).toString());
  }
  return pems;
}
