// The routes of vehicle commands: those of Tesla's Fleet API and of tesla-http-proxy. They read the body themselves, since
// those clients send it with any type, or without one.
import { type Grant, grantsCommand } from '@fleetbridge/access';
import { commandTable } from '@fleetbridge/vehicle-command';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { commandAnswer } from './answer.js';
import type { Client, VehicleCommands } from './vehicle-commands.js';

export interface CommandRoutesOptions {
  commands: Pick<VehicleCommands, 'execute' | 'wake'>;
  /** Identifies the client and finds the vehicle of the path. Throws for a wrong token, and for an unknown vehicle. */
  admit: (request: FastifyRequest) => Promise<{ grant: Grant; vin: string }>;
  /** Throws: the token does not allow the command. */
  refuse: (request: FastifyRequest, facts: { vin: string; name: string }) => never;
  wrongMethod: (allowed: 'GET' | 'POST', reply: FastifyReply) => never;
  /** The body of wake_up: the vehicle, awake or not. */
  vehicle: (request: FastifyRequest, facts: { isOnline: boolean | undefined }) => Promise<object>;
}

/** Below the 10 seconds that clients wait. */
const WAKE_WAIT_SECONDS = 8;
const WAKE_FOR_COMMAND_SECONDS = 30;
const MAX_WAIT_SECONDS = 60;

export function addCommandRoutes(server: FastifyInstance, options: CommandRoutesOptions): void {
  const { commands, admit, refuse } = options;
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body));

  post('/api/1/vehicles/:id/command/:name', async (request, reply) => {
    const { name } = request.params as { name: string };
    const { grant, vin } = await admit(request);
    if (!grantsCommand(grant, name) && (commandTable.has(name) || !grant.scopes.includes('command'))) {
      refuse(request, { vin, name });
    }
    if (name === 'wake_up') return await wakeUp(request, reply, { vin, client: clientOf(grant), resultOf });
    const wakeSeconds = secondsOf(request, 'wake', { whenEmpty: WAKE_FOR_COMMAND_SECONDS, fallback: 0 });
    // a wake costs as much as 20 commands
    if (wakeSeconds > 0 && !grantsCommand(grant, 'wake_up')) refuse(request, { vin, name: 'wake_up' });
    const { status, headers, body } = await commands.execute({
      vin,
      name,
      body: typeof request.body === 'string' ? request.body : '',
      client: clientOf(grant),
      wakeMs: wakeSeconds * 1000,
    });
    return reply.code(status).headers(headers).send(body);
  });

  post('/api/1/vehicles/:id/wake_up', async (request, reply) => {
    const { grant, vin } = await admit(request);
    // a token that can only read gets what it always got: the present state, and nothing is sent
    if (!grant.scopes.includes('command')) return { response: await options.vehicle(request, { isOnline: undefined }) };
    if (!grantsCommand(grant, 'wake_up')) refuse(request, { vin, name: 'wake_up' });
    return await wakeUp(request, reply, { vin, client: clientOf(grant) });
  });

  async function wakeUp(
    request: FastifyRequest,
    reply: FastifyReply,
    { vin, client, resultOf }: { vin: string; client: Client; resultOf?: (isOnline: boolean) => object },
  ) {
    const seconds = secondsOf(request, 'wait', { whenEmpty: WAKE_WAIT_SECONDS, fallback: WAKE_WAIT_SECONDS });
    const result = await commands.wake({ vin, client, waitMs: seconds * 1000 });
    if (result.kind === 'online' || result.kind === 'asleep') {
      const isOnline = result.kind === 'online';
      return { response: { ...(await options.vehicle(request, { isOnline })), ...resultOf?.(isOnline) } };
    }
    const { status, headers, body } = commandAnswer(result, 'standard');
    return reply.code(status).headers(headers).send(body);
  }

  // a check of tesla-http-proxy, without a token
  server.get('/health', (_request, reply) => reply.type('text/plain; charset=utf-8').send('OK'));
  server.route({
    method: ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
    url: '/health',
    handler: (_request, reply) => options.wrongMethod('GET', reply),
  });

  function post(url: string, handler: (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>): void {
    server.route({ method: 'POST', url, handler });
    server.route({
      method: ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
      url,
      handler: (_request, reply) => options.wrongMethod('POST', reply),
    });
  }
}

function clientOf({ principal, label }: Grant): Client {
  return { who: principal, ...(label && { label }) };
}

/** What clients of tesla-http-proxy read in the answer of a command. */
function resultOf(isOnline: boolean): { result: boolean; reason: string } {
  return { result: isOnline, reason: isOnline ? '' : 'could_not_wake_buses' };
}

/** A query parameter in seconds; `true` and an empty value stand for the usual time, other texts for the fallback. */
function secondsOf(
  { query }: FastifyRequest,
  name: string,
  { whenEmpty, fallback }: { whenEmpty: number; fallback: number },
): number {
  const text = (query as Record<string, unknown>)[name];
  if (typeof text !== 'string') return fallback;
  if (text === '' || text === 'true') return whenEmpty;
  const seconds = Number(text);
  return seconds >= 0 ? Math.min(seconds, MAX_WAIT_SECONDS) : fallback;
}
