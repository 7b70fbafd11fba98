// `GET /` on the admin port: the status page. It shows which vehicles there are, so a page of somebody else's that has
// made its own name point to this machine (DNS rebinding) must not read it: only names that nobody can own are answered.
import { isIP } from 'node:net';
import type { AdminServerOptions } from '@fleetbridge/service';
import { STATUS_PAGE_POLICY, statusPage } from './status-page.js';
import type { StatusFacts } from './status-steps.js';

export function statusRoute(gather: () => Promise<StatusFacts>): NonNullable<AdminServerOptions['routes']> {
  return (server) => {
    server.get('/', async (request, reply) => {
      reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff');
      if (!isOwnName(request.hostname)) {
        return reply
          .code(421)
          .send({ error: 'ask for this page by IP address, as localhost, or by a name without a dot' });
      }
      return reply
        .header('content-security-policy', STATUS_PAGE_POLICY)
        .header('referrer-policy', 'no-referrer')
        .type('text/html; charset=utf-8')
        .send(statusPage(await gather()));
    });
  };
}

/** An address, or a name that no domain of the internet can have. */
export function isOwnName(host: string): boolean {
  const name = host
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '')
    .toLowerCase();
  return isIP(name) !== 0 || !name.includes('.') || /\.(localhost|local|lan|internal|home\.arpa)$/.test(name);
}
