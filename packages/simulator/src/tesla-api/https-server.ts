// One region of the API on an HTTPS server on loopback.
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Answer } from './answer.js';

/** `undefined`: end the connection without an answer. `never`: leave it open. */
export type Handle = (request: RawRequest) => Promise<Answer | 'never' | undefined>;

export interface RawRequest {
  readonly method: string;
  readonly url: URL;
  readonly authorization: string | undefined;
  readonly body: string;
}

const MAX_BODY_BYTES = 1 << 20;

export async function startHttpsServer(options: {
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly port: number;
  readonly dateOf: () => Date;
  readonly handle: Handle;
}): Promise<Server> {
  const server = createServer({ cert: options.certificatePem, key: options.keyPem }, (request, response) => {
    respond(request, response).catch(() => response.destroy());
  });
  server.listen(options.port, '127.0.0.1');
  await once(server, 'listening');
  return server;

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readText(request);
    if (body === undefined) {
      send(response, { status: 413, body: '' });
      return;
    }
    const answer = await options.handle({
      method: request.method ?? '',
      url: new URL(request.url ?? '/', 'https://localhost'),
      authorization: request.headers.authorization,
      body,
    });
    if (answer === 'never') return;
    if (answer === undefined) response.destroy();
    else send(response, answer);
  }

  function send(response: ServerResponse, { status, body, headers }: Answer): void {
    const bytes = Buffer.from(body);
    response.writeHead(status, {
      ...headers,
      date: options.dateOf().toUTCString(),
      'content-length': String(bytes.length),
    });
    response.end(bytes);
  }
}

export async function stopHttpsServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}

/** Undefined beyond the limit. */
async function readText(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}
