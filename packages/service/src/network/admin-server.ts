// The admin port of an app: /healthz (the process runs), /readyz (it should receive work), /metrics, and the app's own
// routes. Plain HTTP without a password, for loopback or a private network.
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import type { Logger } from '../log/index.js';
import type { Readiness } from '../process/index.js';
import { explainListenError } from './listen.js';

export interface AdminServerOptions {
  host: string;
  /** 0: any free port, which `address` then has. */
  port: number;
  /** The variable that sets `port`, for the error when it is in use. */
  portVariable: string;
  registry: Pick<Registry, 'metrics' | 'contentType'>;
  readiness: Pick<Readiness, 'report'>;
  routes?: (server: FastifyInstance) => void;
  /** Limits the connections of the server: `guardAdminPort` of packages/access. */
  guard?: (server: Server) => void;
  log: Pick<Logger, 'error'>;
}

export interface AdminServer {
  address: { host: string; port: number };
  stop(): Promise<void>;
}

/** Ends slow and silent requests; a route may take longer to answer. */
const REQUEST_TIMEOUT_MS = 10_000;
const CHECK_EVERY_MS = 2_000;

/** Resolves when the server listens. Throws ListenError. */
export async function startAdminServer(options: AdminServerOptions): Promise<AdminServer> {
  const { host, port, portVariable, registry, readiness, routes, guard, log } = options;
  // Only here: it takes a tenth of a second to load, and commands of the CLI have no admin port.
  const { fastify } = await import('fastify');
  // Scrapers keep their connections open, and a stuck request must not delay the stop.
  const server = fastify({
    logger: false,
    forceCloseConnections: true,
    requestTimeout: REQUEST_TIMEOUT_MS,
    http: { headersTimeout: REQUEST_TIMEOUT_MS, connectionsCheckingInterval: CHECK_EVERY_MS },
  });
  guard?.(server.server);

  server.get('/healthz', () => ({ status: 'ok', uptime_seconds: Math.round(process.uptime()) }));
  server.get('/readyz', (_request, reply) => {
    const report = readiness.report();
    return reply.code(report.ready ? 200 : 503).send(report);
  });
  server.get('/metrics', async (_request, reply) => {
    const text = await registry.metrics();
    return reply.type(registry.contentType).send(text);
  });
  server.setErrorHandler((err: Error & { statusCode?: number }, request, reply) => {
    const status = err.statusCode ?? 500;
    if (status < 500) return reply.code(status).send({ error: err.message });
    log.error({ err, route: request.routeOptions.url }, 'admin_request_failed');
    return reply.code(status).send({ error: 'internal error; see the log' });
  });
  routes?.(server);
  if (!server.hasRoute({ method: 'GET', url: '/' })) {
    server.get('/', (_request, reply) => reply.type('text/html; charset=utf-8').send(START_PAGE));
  }

  try {
    await server.listen({ host, port });
  } catch (cause) {
    await server.close();
    throw explainListenError(cause, {
      host,
      port,
      variable: portVariable,
      hostVariable: 'ADMIN_HOST',
      purpose: 'admin',
    });
  }
  const address = server.server.address() as AddressInfo;
  let stopped: Promise<void> | undefined;
  return {
    address: { host: address.address, port: address.port },
    stop: () => {
      stopped ??= server.close();
      return stopped;
    },
  };
}

/** Of apps without a page. The port of ingest is not known here. */
const START_PAGE = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>fleetbridge</title></head>
<body><p>This port has <a href="/readyz">readyz</a>, <a href="/healthz">healthz</a> and <a href="/metrics">metrics</a>.
The status page is at the admin port of ingest (INGEST_ADMIN_PORT, default 8081):
<a href="http://localhost:8081/">http://localhost:8081/</a></p></body></html>
`;
