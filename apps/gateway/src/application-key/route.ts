// The address from which Tesla fetches the public key of the application, and vehicles the key that they are paired with.
// It is public, so no token is needed.
import type { FastifyInstance } from 'fastify';
import { ApiError, apiErrors } from '../fleet-api/index.js';
import type { PublishedKey } from './published-key.js';

export const PUBLIC_KEY_PATH = '/.well-known/appspecific/com.tesla.3p.public-key.pem';

/** A key that was replaced must not be served for long by a cache in between. */
const MAX_AGE_SECONDS = 60;

export function addPublicKeyRoute(server: FastifyInstance, { read }: { read: () => PublishedKey }): void {
  server.route({
    method: ['GET', 'HEAD'],
    url: PUBLIC_KEY_PATH,
    handler: (_request, reply) => {
      const key = read();
      if (key.kind === 'missing') throw keyErrors.missing();
      if (key.kind === 'not_usable') throw keyErrors.notUsable();
      reply.header('cache-control', `public, max-age=${MAX_AGE_SECONDS}`);
      return reply.type('application/x-pem-file').send(key.pem);
    },
  });
  server.route({
    method: ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
    url: PUBLIC_KEY_PATH,
    handler: (_request, reply) => {
      reply.header('allow', 'GET, HEAD');
      throw apiErrors.wrongMethod('GET and HEAD');
    },
  });
}

const keyErrors = {
  missing: () =>
    new ApiError(
      404,
      'no_application_key',
      'there is no application key yet; run "fleetbridge setup", which creates it',
    ),
  notUsable: () =>
    new ApiError(
      500,
      'application_key_not_usable',
      'the file of the application key can not be used; the log of the gateway has the reason (application_key_rejected)',
    ),
};
