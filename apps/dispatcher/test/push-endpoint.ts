// A stand-in for a server that receives Pub/Sub pushes: records the requests, and answers as configured.
import type { IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fastify } from 'fastify';

export interface Push {
  // biome-ignore lint/suspicious/noExplicitAny: any JSON may be posted
  body: any;
  headers: IncomingHttpHeaders;
  /** The answer sent. */
  answer: Answer;
}

/** A status (101: a switch of protocols), `hang` for no answer, `cut` to close the connection. */
export type Answer = number | 'hang' | 'cut';

export interface PushEndpoint {
  url: string;
  port: number;
  /** All requests in the order of arrival. */
  pushes: Push[];
  /** Requests answered with 2xx or not at all, which may count as processed. */
  accepted(): Push[];
  /** Largest number of concurrent requests. */
  atOnce: number;
  answer: (push: { body: Push['body'] }) => Answer;
  /** Delay of each answer. */
  delayMs: number;
  stop(): Promise<void>;
}

export async function startPushEndpoint({ port = 0 }: { port?: number } = {}): Promise<PushEndpoint> {
  const server = fastify({ forceCloseConnections: true });
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  let underWay = 0;
  const endpoint: PushEndpoint = {
    url: '',
    port: 0,
    pushes: [],
    accepted: () => endpoint.pushes.filter(({ answer }) => typeof answer === 'number' && answer >= 200 && answer < 300),
    atOnce: 0,
    answer: () => 204,
    delayMs: 0,
    stop: () => server.close(),
  };
  server.post('/*', async (request, reply) => {
    endpoint.atOnce = Math.max(endpoint.atOnce, ++underWay);
    const answer = endpoint.answer({ body: request.body });
    endpoint.pushes.push({ body: request.body, headers: request.headers, answer });
    // a short delay, so that requests overlap
    await new Promise((resolve) =>
      endpoint.delayMs > 0 ? setTimeout(resolve, endpoint.delayMs) : setImmediate(resolve),
    );
    underWay--;
    if (answer === 101) {
      request.raw.socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n');
      return reply.hijack();
    }
    if (typeof answer === 'number') return reply.code(answer).send();
    if (answer === 'cut') request.raw.socket.destroy();
    return reply.hijack();
  });
  await server.listen({ host: '127.0.0.1', port });
  endpoint.port = (server.server.address() as AddressInfo).port;
  endpoint.url = `http://127.0.0.1:${endpoint.port}/`;
  return endpoint;
}

/** VIN and Soc of a record of rig.add, from a wrapped protojson push. */
export function socOf({ body }: { body: Push['body'] }): { vin: string; n: number } {
  const { vin, data } = JSON.parse(Buffer.from(body.message.data, 'base64').toString());
  return { vin, n: data[0].value.doubleValue };
}
