// An HTTPS server on loopback, for the stand-ins of Tesla's API.
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';

export interface LoopbackServer {
  readonly port: number;
  /** Ends all connections. */
  stop(): Promise<void>;
}

export interface LoopbackServerOptions {
  readonly certificatePem: string;
  readonly keyPem: string;
  /** 0: any free port. */
  readonly port: number;
  /** A rejection ends the connection without an answer. */
  readonly respond: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
}

export async function startLoopbackServer(options: LoopbackServerOptions): Promise<LoopbackServer> {
  const { certificatePem, keyPem, port, respond } = options;
  const server = createServer({ cert: certificatePem, key: keyPem }, (request, response) => {
    respond(request, response).catch(() => response.destroy());
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** As text; undefined beyond the limit. */
export async function readBody(
  request: IncomingMessage,
  maxBytes = Number.POSITIVE_INFINITY,
): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > maxBytes) return undefined;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}
