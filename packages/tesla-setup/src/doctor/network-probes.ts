// What the network shows from this machine: open ports, the handshake of ingest, the key that the domain serves.
import { request } from 'node:https';
import { connect } from 'node:net';
import { HandshakeError, readHandshake, type ServerHandshake } from '@fleetbridge/pki';
import type { ServedKey } from '../checks/index.js';
import { PUBLIC_KEY_PATH } from '../domain/index.js';
import type { Place } from './options.js';

const CONNECT_MS = 5_000;

export function isPortOpen({ host, port }: Place, timeoutMs = CONNECT_MS): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: timeoutMs });
    const end = (isOpen: boolean): void => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.once('connect', () => end(true));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
  });
}

export async function isAnyOpen(places: readonly Place[]): Promise<boolean> {
  return (await Promise.all(places.map((place) => isPortOpen(place)))).includes(true);
}

/** Of the first place that answers. Rejects with HandshakeError; undefined: no place is reachable. */
export async function handshakeOf(
  places: readonly Place[],
  serverName: string | undefined,
): Promise<ServerHandshake | undefined> {
  for (const place of places) {
    try {
      return await readHandshake({ ...place, serverName, timeoutMs: CONNECT_MS });
    } catch (error) {
      if (!(error instanceof HandshakeError) || error.problem === 'no_tls') throw error;
    }
  }
  return undefined;
}

export interface KeyRequest {
  readonly domain: string;
  readonly address: string;
  readonly port: number;
  /** PEM, in place of the CAs of the system. */
  readonly ca: string | undefined;
}

const MAX_BYTES = 10_000;

/** Does not follow redirects, as Tesla does not. */
export function fetchServedKey({ domain, address, port, ca }: KeyRequest): Promise<ServedKey> {
  return new Promise((resolve) => {
    const outgoing = request({
      host: address,
      port,
      path: PUBLIC_KEY_PATH,
      servername: domain,
      headers: { host: domain, 'user-agent': 'fleetbridge' },
      agent: false,
      timeout: CONNECT_MS,
      ...(ca === undefined ? {} : { ca }),
    });
    const fail = (reason: string): void => {
      outgoing.destroy();
      resolve({ kind: 'not_reachable', reason });
    };
    outgoing.on('timeout', () => fail('no answer in time'));
    outgoing.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
    outgoing.on('response', (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('error', (error) => fail(error.message));
      response.on('data', (chunk: string) => {
        body += chunk;
        if (body.length > MAX_BYTES) fail(`more than ${MAX_BYTES} bytes`);
      });
      response.on('end', () => resolve({ kind: 'answered', status: response.statusCode ?? 0, body }));
    });
    outgoing.end();
  });
}
