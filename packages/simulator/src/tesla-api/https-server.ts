// One region of the API on an HTTPS server on loopback.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type LoopbackServer, readBody, startLoopbackServer } from '../loopback-server/index.js';
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

export function startHttpsServer(options: {
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly port: number;
  readonly dateOf: () => Date;
  readonly handle: Handle;
}): Promise<LoopbackServer> {
  const { certificatePem, keyPem, port } = options;
  return startLoopbackServer({ certificatePem, keyPem, port, respond });

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request, MAX_BODY_BYTES);
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
