// `GET /` on the admin port: the status page. It shows VINs, so it is served under private host names only.
import { type AdminServerOptions, HOST_NAME_REFUSED, isPrivateHostName } from '@fleetbridge/service';
import { STATUS_PAGE_POLICY, statusPage } from './status-page.js';
import type { StatusFacts } from './status-steps.js';

export function statusRoute(gather: () => Promise<StatusFacts>): NonNullable<AdminServerOptions['routes']> {
  return (server) => {
    server.get('/', async (request, reply) => {
      reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff');
      if (!isPrivateHostName(request.hostname)) return reply.code(421).send(HOST_NAME_REFUSED);
      return reply
        .header('content-security-policy', STATUS_PAGE_POLICY)
        .header('referrer-policy', 'no-referrer')
        .type('text/html; charset=utf-8')
        .send(statusPage(await gather()));
    });
  };
}
