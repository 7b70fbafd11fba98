// Asks a TLS server for its certificates and the CAs that it names for clients, without a client certificate of our own.
// Nothing is verified: the caller judges what came.
import { X509Certificate } from 'node:crypto';
import { connect } from 'node:net';
import { clientHello } from './client-hello.js';
import { readServerFlight } from './server-flight.js';

export interface HandshakeRequest {
  readonly host: string;
  readonly port: number;
  /** The name that is asked for. Default: `host`. */
  readonly serverName?: string | undefined;
  readonly timeoutMs: number;
}

export interface ServerHandshake {
  /** As the server sends them, its own certificate first. */
  readonly certificates: readonly X509Certificate[];
  /** The names (DER) of the CAs whose client certificates it accepts; undefined: it does not ask for one. */
  readonly acceptedCas: readonly Uint8Array[] | undefined;
}

export type HandshakeProblem = 'not_reachable' | 'no_tls' | 'time_limit';

export class HandshakeError extends Error {
  override readonly name = 'HandshakeError';
  readonly problem: HandshakeProblem;

  constructor(problem: HandshakeProblem, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.problem = problem;
  }
}

/** More than the longest chain with all of Tesla's CAs. */
const MAX_BYTES = 1_000_000;

/** Rejects with HandshakeError. */
export function readHandshake(request: HandshakeRequest): Promise<ServerHandshake> {
  const { host, port, serverName = host, timeoutMs } = request;
  return new Promise((resolve, reject) => {
    let bytes: Buffer = Buffer.alloc(0);
    const socket = connect({ host, port });
    const timer = setTimeout(() => fail('time_limit', `no answer within ${timeoutMs} ms`), timeoutMs);
    const end = (): void => {
      clearTimeout(timer);
      socket.destroy();
    };
    const fail = (problem: HandshakeProblem, reason: string, cause?: unknown): void => {
      end();
      reject(new HandshakeError(problem, `${host}:${port}: ${reason}`, { cause }));
    };
    let isConnected = false;
    socket.on('connect', () => {
      isConnected = true;
      socket.write(clientHello(serverName));
    });
    socket.on('error', (error: NodeJS.ErrnoException) =>
      fail(isConnected ? 'no_tls' : 'not_reachable', error.code ?? error.message, error),
    );
    socket.on('close', () => fail('no_tls', 'the connection was closed'));
    socket.on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      const reading = readServerFlight(bytes);
      if (reading.kind === 'incomplete') {
        if (bytes.length > MAX_BYTES) fail('no_tls', `more than ${MAX_BYTES} bytes`);
        return;
      }
      if (reading.kind === 'failed') return fail('no_tls', reading.reason);
      end();
      try {
        const { certificates, acceptedCas } = reading.flight;
        resolve({ certificates: certificates.map((der) => new X509Certificate(der)), acceptedCas });
      } catch (cause) {
        fail('no_tls', 'a certificate can not be read', cause);
      }
    });
  });
}
