// The server on GATEWAY_PORT: HTTP, or HTTPS with a certificate of its own. Requests that are no valid HTTP are answered
// in the same form as all others.
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { type GuardLimits, guardConnections, guardedTimeouts } from '@fleetbridge/access';
import { explainListenError, type Logger } from '@fleetbridge/service';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { ApiError, asApiError, errorBody } from './fleet-api/index.js';
import type { GatewayCounts } from './metrics.js';

export interface ServerOptions {
  /** undefined: plain HTTP. */
  certificate: { cert: string; key: string } | undefined;
  routes: (server: FastifyInstance) => void;
  counts: GatewayCounts;
  /** Whether this peer is a reverse proxy, behind which are many clients. */
  isProxy?: (address: string) => boolean;
  /** Other limits of connections than the defaults, for tests. */
  limits?: Partial<GuardLimits> | undefined;
  log: Logger;
}

export interface ListenPlace {
  host: string | undefined;
  port: number;
}

/** A token request of Tesla's own form has about 3 KB. */
const BODY_BYTES = 64_000;
/** TeslaMate keeps ten connections open between its polls. */
const KEEP_ALIVE_MS = 75_000;
const MAX_PARAMETER_LENGTH = 100;

export interface GatewayServer {
  listen(place: ListenPlace): Promise<number>;
  renewCertificate(certificate: { cert: string; key: string }): void;
  stop(): Promise<void>;
}

export async function createServer(options: ServerOptions): Promise<GatewayServer> {
  const { certificate, routes, counts, log } = options;
  const server = fastify({
    logger: false,
    ...(certificate === undefined
      ? { http: guardedTimeouts }
      : { https: { ...certificate, ...guardedTimeouts, minVersion: 'TLSv1.2' as const } }),
    bodyLimit: BODY_BYTES,
    requestTimeout: guardedTimeouts.requestTimeout,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: 'idle',
    exposeHeadRoutes: false,
    routerOptions: {
      ignoreDuplicateSlashes: true,
      ignoreTrailingSlash: true,
      maxParamLength: MAX_PARAMETER_LENGTH,
    },
    frameworkErrors: (error, request, reply) => answerError(error, request as FastifyRequest, reply as FastifyReply),
    clientErrorHandler: answerClientError,
  }) as unknown as FastifyInstance;
  acceptBodies(server);
  server.setErrorHandler((error, request, reply) => answerError(error, request, reply));
  server.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'other';
    counts.observe(route, reply.statusCode, reply.elapsedTime / 1000);
    log.debug({ method: request.method, route, status: reply.statusCode }, 'request_answered');
    done();
  });
  routes(server);
  await server.ready();
  const guard = guardConnections(server.server, {
    limits: options.limits,
    isProxy: options.isProxy,
    countRefused: (reason) => {
      counts.refusedConnections[reason] = (counts.refusedConnections[reason] ?? 0) + 1;
    },
    log,
  });

  return {
    listen: async ({ host, port }) => {
      try {
        await server.listen({ port, host: host ?? '::' });
      } catch (error) {
        throw explainListenError(error, {
          host: host ?? 'all addresses',
          port,
          variable: 'GATEWAY_PORT',
          hostVariable: 'GATEWAY_BIND',
          purpose: 'REST',
        });
      }
      const address = server.server.address();
      return typeof address === 'object' && address !== null ? address.port : port;
    },
    renewCertificate: (renewed) => {
      const { setSecureContext } = server.server as { setSecureContext?: (context: object) => void };
      setSecureContext?.call(server.server, { ...renewed, minVersion: 'TLSv1.2' });
    },
    stop: async () => {
      guard.stop();
      await server.close();
    },
  };

  function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply) {
    const answer = asApiError(error);
    if (answer.statusCode === 401) reply.header('www-authenticate', 'Bearer');
    if (answer.statusCode === 503) {
      reply.header('retry-after', '1');
      if (!(error instanceof ApiError)) log.error({ err: error, route: request.routeOptions.url }, 'request_failed');
    }
    return reply.code(answer.statusCode).send(errorBody(answer));
  }

  /** The message is not valid HTTP, or its header is too large. */
  function answerClientError(error: NodeJS.ErrnoException, socket: Socket & { _httpMessage?: IncomingMessage }): void {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    const status = clientErrors[error.code ?? ''] ?? { line: '400 Bad Request', error: 'bad_request' };
    counts.observe('other', Number.parseInt(status.line, 10), 0);
    const description = 'the request is not valid HTTP, or its address and header are too long';
    const body = JSON.stringify({ response: null, error: status.error, error_description: description });
    socket.end(
      `HTTP/1.1 ${status.line}\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    );
  }
}

const clientErrors: Readonly<Record<string, { line: string; error: string }>> = {
  HPE_HEADER_OVERFLOW: { line: '431 Request Header Fields Too Large', error: 'request_header_too_large' },
  ERR_HTTP_REQUEST_TIMEOUT: { line: '408 Request Timeout', error: 'request_timeout' },
};

/** JSON and forms; an empty body counts as no body. Clients send `application/json` without one. */
function acceptBodies(server: FastifyInstance): void {
  const parseJson = server.getDefaultJsonParser('error', 'error');
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined);
    else parseJson(request, body.toString(), done);
  });
  server.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => {
    done(null, Object.fromEntries(new URLSearchParams(body.toString())));
  });
}
