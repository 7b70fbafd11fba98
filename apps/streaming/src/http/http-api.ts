// HTTP on the port of the WebSocket: vehicles as JSON, records as server-sent events, their OpenAPI document, and the
// endpoint for Google Pub/Sub pushes. The token is a bearer header or `?token=`.

import type { RequestListener } from 'node:http';
import type { AddressOf } from '@fleetbridge/access';
import {
  type Access,
  admitConnection,
  type ClientAccess,
  type Grant,
  grantsVehicle,
  requestToken,
  type Scope,
} from '@fleetbridge/access';
import { isVin, normalizeVin } from '@fleetbridge/protocol';
import type { Logger } from '@fleetbridge/service';
import { vehicleJson } from '@fleetbridge/vehicle-state';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import type { Vehicles } from '../frames/index.js';
import { streamStart } from '../records/index.js';
import { openapi } from './openapi.js';
import { type EventsOptions, sendEvents } from './server-sent-events.js';

/** A record has at most 1 MB; a push wraps it in base64 and JSON. */
const BODY_BYTES = 2_000_000;

export interface HttpApiOptions extends Omit<EventsOptions, 'client'> {
  access: Access;
  addressOf: AddressOf;
  vehicles: Vehicles;
  /** Adds more routes, such as the Pub/Sub push. */
  routes?: ((server: FastifyInstance) => void) | undefined;
  log: Logger;
}

export async function createHttpApi(options: HttpApiOptions): Promise<RequestListener> {
  const { access, addressOf, vehicles, records, routes, log } = options;
  const server = fastify({ logger: false, bodyLimit: BODY_BYTES, exposeHeadRoutes: false });

  server.get('/openapi.json', () => openapi);

  server.get('/vehicles', async (request) => {
    const { grant } = await admit(request, 'read');
    const known = await vehicles.list(grant);
    return {
      vehicles: known.map(({ vin, state, cursor }) => ({ vin, connectivity: vehicleJson(state).connectivity, cursor })),
    };
  });

  server.get<{ Params: { vin: string } }>('/vehicles/:vin', async (request) => {
    const admitted = await admit(request, 'read');
    const vin = grantedVin(admitted, request.params.vin);
    const vehicle = await vehicles.read(vin);
    if (vehicle === undefined) throw new HttpError(404, 'this vehicle is unknown');
    return { vin, ...vehicleJson(vehicle.state), cursor: vehicle.cursor };
  });

  server.get<{ Querystring: EventsQuery }>('/events', async (request, reply) => {
    const { grant, client } = await admit(request, 'stream');
    const { vin, topics, from, cursor: after } = lastValues(request.query);
    const vins = vin === undefined ? vinsOf(grant) : [grantedVin({ grant, client }, vin)];
    const cursor = header(request.headers['last-event-id']) ?? after;
    const start = streamStart({ cursor, from }, records.partitions);
    if (typeof start === 'string') throw new HttpError(400, start);
    reply.hijack();
    sendEvents(reply.raw, { ...options, client, vins, topics: topics?.split(','), start });
  });

  for (const path of ['/streaming', '/streaming/']) {
    server.get(path, (_request, reply) =>
      reply
        .code(426)
        .header('upgrade', 'websocket')
        .send({ error: 'TeslaMate connects here by WebSocket: set TESLA_WSS_HOST' }),
    );
  }
  routes?.(server);
  server.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: 'not found; see /openapi.json' }));
  server.setErrorHandler((error: Error & { statusCode?: number }, request, reply) =>
    answerError(error, request, reply),
  );
  await server.ready();
  return server.routing;

  async function admit(request: FastifyRequest, scope: Scope): Promise<Admitted> {
    const client = access.client(
      addressOf({
        remoteAddress: request.socket.remoteAddress,
        forwardedFor: header(request.headers['x-forwarded-for']),
      }),
      scope,
      () => admitConnection(request.socket),
    );
    const grant = await client.identifyWithRetry(requestToken(request.url, request.headers.authorization));
    if (grant === 'refused') throw new HttpError(401, 'a token is required: as a bearer header or ?token=');
    if (grant === 'unknown') throw new HttpError(503, 'not ready; try again in a moment');
    return { grant, client };
  }

  function grantedVin({ grant, client }: Admitted, text: string): string {
    const vin = normalizeVin(text);
    if (!isVin(vin)) throw new HttpError(400, 'expected a VIN');
    if (grantsVehicle(grant, vin)) return vin;
    client.refuse('other_vehicle', vin);
    throw new HttpError(403, 'this token is for another vehicle');
  }

  function answerError(error: Error & { statusCode?: number }, request: FastifyRequest, reply: FastifyReply) {
    const status = error.statusCode ?? 500;
    if (status === 401) reply.header('www-authenticate', 'Bearer');
    if (status === 503) reply.header('retry-after', '1');
    if (status < 500 || error instanceof HttpError) return reply.code(status).send({ error: error.message });
    log.error({ err: error, route: request.routeOptions.url }, 'request_failed');
    return reply.code(503).header('retry-after', '1').send({ error: 'failed; see the log of streaming' });
  }
}

interface Admitted {
  grant: Grant;
  client: ClientAccess;
}

/** An error status; the message is for the client. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly statusCode: number;

  constructor(statusCode: number, message: string) {
    super(message);
    this.statusCode = statusCode;
  }
}

/** A repeated parameter is parsed as a list; its last value applies. */
function lastValues(query: EventsQuery): EventsQuery {
  const pairs = Object.entries(query).map(([name, value]) => [name, [value].flat().at(-1)]);
  return Object.fromEntries(pairs);
}

interface EventsQuery {
  vin?: string;
  topics?: string;
  cursor?: string;
  from?: string;
}

function vinsOf(grant: Grant): string[] | undefined {
  return grant.vin === '*' ? undefined : [grant.vin];
}

function header(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(',') : value;
}
