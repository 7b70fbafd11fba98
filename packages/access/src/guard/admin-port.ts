// Limits of an admin port, whose clients are a Prometheus, a health check and a person: beyond them the oldest connection
// ends. So idle or slow connections never keep a health check out.
import type { Server } from 'node:http';
import { guardConnections } from './connection-guard.js';

const CONNECTIONS_PER_ADDRESS = 100;
const CONNECTIONS = 500;

export function guardAdminPort(server: Server): void {
  guardConnections(server, {
    limits: { unadmittedPerAddress: CONNECTIONS_PER_ADDRESS, unadmitted: CONNECTIONS },
    countRefused: () => {},
    log: { debug: () => {}, warn: () => {} },
  });
}
