// The routes that TeslaMate and similar programs use (docs/gateway.md). Every answer is JSON, errors included: TeslaMate
// does not decode anything else.
import {
  type Access,
  type AddressOf,
  admitConnection,
  type ClientAccess,
  type ClientUses,
  type Grant,
  requestToken,
  type Scope,
} from '@fleetbridge/access';
import { fieldCoverage } from '@fleetbridge/vehicle-state';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { addCommandRoutes, type CommandRoutesOptions } from '../commands/index.js';
import type { SignIn, TokenAnswer } from '../sign-in/index.js';
import type { Upstream, UpstreamAnswer } from '../upstream/index.js';
import type { CatalogVehicle, PresentVehicle, PresentVehicles, VehicleCatalog } from '../vehicles/index.js';
import { apiErrors } from './api-error.js';
import { VehicleDataDocuments, vehicleDocument } from './documents.js';
import { fleetStatus, requestedVins } from './fleet-status.js';
import { openapiDocument } from './openapi.js';

export interface RoutesOptions {
  access: Access;
  addressOf: AddressOf;
  catalog: Pick<VehicleCatalog, 'list' | 'find' | 'keepConfig' | 'keepSeed'>;
  present: Pick<PresentVehicles, 'read' | 'state'>;
  signIn: Pick<SignIn, 'answer'>;
  uses: Pick<ClientUses, 'record'>;
  /** Undefined: vehicle commands are off. */
  commands?: CommandRoutesOptions['commands'] | undefined;
  upstream: Upstream;
}

export function addRoutes(server: FastifyInstance, options: RoutesOptions): void {
  const { access, addressOf, catalog, present, signIn, uses, commands, upstream } = options;

  const list = async (request: FastifyRequest) => {
    const grant = await admit(request);
    const vehicles = await Promise.all((await catalog.list(grant)).map((vehicle) => present.read(vehicle)));
    return { response: vehicles.map(vehicleDocument), count: vehicles.length };
  };
  only(server, 'GET', '/api/1/products', list);
  only(server, 'GET', '/api/1/vehicles', list);

  only(server, 'POST', '/api/1/vehicles/fleet_status', async (request) => {
    const grant = await admit(request);
    const vins = requestedVins(request.body);
    // a vehicle that is not admitted, or not the grant's, is left out
    const vehicles = (await catalog.list(grant)).filter(({ vin }) => vins === undefined || vins.includes(vin));
    const known = await Promise.all(vehicles.map(async ({ vin }) => ({ vin, state: await present.state(vin) })));
    return { response: fleetStatus(known) };
  });

  only(server, 'GET', '/api/1/vehicles/:id', async (request) => ({
    response: vehicleDocument(await read(request)),
  }));
  if (commands === undefined) {
    only(server, 'POST', '/api/1/vehicles/:id/wake_up', async (request) => ({
      response: vehicleDocument(await read(request)),
    }));
    server.all('/api/1/vehicles/:id/command/:name', () => Promise.reject(apiErrors.commandsOff()));
  } else {
    // a scope of its own: these routes read bodies in another way
    server.register((scope, _, done) => {
      addCommandRoutes(scope, commandRoutes(commands));
      done();
    });
  }
  const documents = new VehicleDataDocuments();
  only(server, 'GET', '/api/1/vehicles/:id/vehicle_data', async (request, reply) => {
    const grant = await admit(request);
    let vehicle = await findOf(request, grant);
    if (asksForRefresh(request)) {
      const refreshed = await refresh(vehicle, grant);
      if ('status' in refreshed) return sendAnswer(reply, refreshed);
      vehicle = refreshed;
    }
    const now = await present.read(vehicle);
    if (now.status !== 'online') throw apiErrors.unavailable();
    if (now.isInService) throw apiErrors.inService();
    const { text, config } = documents.text(now);
    if (config) await catalog.keepConfig(vehicle, config);
    return reply.type('application/json; charset=utf-8').send(text);
  });

  only(server, 'GET', '/api/1/users/region', async (request) => {
    await admit(request);
    const base = `${request.protocol}://${request.host}`;
    return { response: { region: 'eu', fleet_api_base_url: base } };
  });
  const openapi = openapiDocument({ hasCommands: commands !== undefined });
  only(server, 'GET', '/openapi.json', () => Promise.resolve(openapi));

  only(server, 'GET', '/vehicles/:id/coverage', async (request) => {
    const { vin, live, seed, lastConfig, nowMs } = await read(request);
    return { vin, fields: fieldCoverage({ state: live.state, seed, lastConfig, nowMs }) };
  });

  only(server, 'POST', '/oauth2/v3/token', async (request, reply) => {
    const body = typeof request.body === 'object' && request.body !== null ? request.body : {};
    const answer: TokenAnswer = await signIn.answer(body, request.headers.authorization, clientOf(request));
    if (answer.status === 503) reply.header('retry-after', '1');
    if (answer.status === 200) admitConnection(request.socket);
    return reply.code(answer.status).header('cache-control', 'no-store').send(answer.body);
  });

  server.setNotFoundHandler(async (request, reply) => {
    const forwarded = upstream.match(request.method, request.url);
    if (forwarded === undefined) throw apiErrors.routeNotFound();
    const grant = await admit(request);
    const found = forwarded.vehicle === undefined ? undefined : await catalog.find(forwarded.vehicle, grant);
    if (forwarded.vehicle !== undefined && found === undefined) throw apiErrors.vehicleNotFound();
    const { principal } = grant;
    const isAccountGranted = grant.vin === '*';
    return sendAnswer(reply, await upstream.forward(forwarded, { vin: found?.vin, principal, isAccountGranted }));
  });

  function commandRoutes(executor: CommandRoutesOptions['commands']): CommandRoutesOptions {
    return {
      commands: executor,
      admit: async (request) => {
        const grant = await admit(request, 'any');
        return { grant, vin: (await findOf(request, grant)).vin };
      },
      refuse: (request, { vin, name }) => {
        clientOf(request).refuse('missing_scope', vin);
        throw apiErrors.commandNotAllowed(name);
      },
      wrongMethod: (allowed, reply) => {
        reply.header('allow', allowed);
        throw apiErrors.wrongMethod(allowed);
      },
      vehicle: async (request, { isOnline }) => {
        const document = vehicleDocument(await read(request, 'any'));
        if (isOnline === undefined) return document;
        return { ...document, state: isOnline ? 'online' : document.state === 'online' ? 'asleep' : document.state };
      },
    };
  }

  async function read(request: FastifyRequest, scope?: 'any'): Promise<PresentVehicle> {
    return await present.read(await findOf(request, await admit(request, scope)));
  }

  /** A vehicle that sleeps by telemetry is not asked for: Tesla would bill the same answer. */
  async function refresh(vehicle: CatalogVehicle, { principal }: Grant): Promise<CatalogVehicle | UpstreamAnswer> {
    const { vin } = vehicle;
    if ((await present.read(vehicle)).status === 'asleep') throw apiErrors.unavailable();
    const answer = await upstream.document(vin, { vin, principal });
    return answer.kind === 'document' ? await catalog.keepSeed(vin, answer.text) : answer;
  }

  async function findOf(request: FastifyRequest, grant: Grant): Promise<CatalogVehicle> {
    const vehicle = await catalog.find((request.params as { id: string }).id, grant);
    if (vehicle === undefined) throw apiErrors.vehicleNotFound();
    return vehicle;
  }

  async function admit(request: FastifyRequest, scope: Scope | 'any' = 'read'): Promise<Grant> {
    const grant = await clientOf(request, scope).identifyWithRetry(
      requestToken(request.url, request.headers.authorization),
    );
    if (grant === 'refused') throw apiErrors.unauthorized();
    if (grant === 'unknown') throw apiErrors.notReady();
    uses.record(grant.principal, 'poll');
    return grant;
  }

  function clientOf({ socket, headers }: FastifyRequest, scope: Scope | 'any' = 'read'): ClientAccess {
    const forwardedFor = headers['x-forwarded-for'];
    const address = addressOf({
      remoteAddress: socket.remoteAddress,
      forwardedFor: Array.isArray(forwardedFor) ? forwardedFor.join(',') : forwardedFor,
    });
    return access.client(address, scope, () => admitConnection(socket));
  }
}

function asksForRefresh({ query }: FastifyRequest): boolean {
  const { refresh } = query as Record<string, unknown>;
  return refresh === 'true' || refresh === '1';
}

function sendAnswer(reply: FastifyReply, { status, headers, body }: UpstreamAnswer): FastifyReply {
  return reply.code(status).headers(headers).type('application/json; charset=utf-8').send(body);
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

/** A route, and a sentence for every other method on its path. */
function only(
  server: FastifyInstance,
  method: 'GET' | 'POST',
  url: string,
  handler: (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>,
): void {
  server.route({ method, url, handler });
  server.route({
    method: METHODS.filter((other) => other !== method),
    url,
    handler: (_request, reply) => {
      reply.header('allow', method);
      throw apiErrors.wrongMethod(method);
    },
  });
}
