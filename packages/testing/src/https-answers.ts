// A real HTTPS server on loopback whose answers a test decides, and that keeps what it received.
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

export interface ReceivedRequest {
  method: string;
  /** With its query. */
  path: string;
  authorization: string | undefined;
  body: string;
}

/** `lose`: the connection ends without an answer. `hang`: there is never an answer. */
export type DecidedAnswer =
  | { status: number; body: unknown; headers?: Readonly<Record<string, string>> }
  | 'lose'
  | 'hang';

export interface HttpsAnswers {
  /** Origin, with the name localhost. */
  url: string;
  /** In the order of their arrival. */
  requests: ReceivedRequest[];
  stop(): Promise<void>;
}

/** A body that is not a text is sent as JSON. */
export async function startHttpsAnswers(options: {
  cert: string;
  key: string;
  answer: (request: ReceivedRequest) => DecidedAnswer | Promise<DecidedAnswer>;
}): Promise<HttpsAnswers> {
  const requests: ReceivedRequest[] = [];
  const sockets = new Set<Duplex>();
  const server = createServer({ cert: options.cert, key: options.key }, (request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (text) => {
      body += text;
    });
    request.on('end', async () => {
      const { authorization } = request.headers;
      const received = { method: request.method ?? '', path: request.url ?? '', authorization, body };
      requests.push(received);
      const answer = await options.answer(received);
      if (answer === 'hang') return;
      if (answer === 'lose') {
        request.socket.destroy();
        return;
      }
      response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers });
      response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body));
    });
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    requests,
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
