// The server on STREAMING_PORT, with TLS of its own: a WebSocket on /streaming/ for TeslaMate and for clients of raw
// records, HTTP for all other requests. A WebSocket is accepted on every path: a refused upgrade or a close frame ends
// TeslaMate's process of the vehicle, and repeatedly TeslaMate as a whole.
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type Access,
  type AddressOf,
  admitConnection,
  createAddressOf,
  type GuardLimits,
  guardConnections,
  guardedTimeouts,
  requestToken,
} from '@fleetbridge/access';
import { listen } from '@fleetbridge/service';
import { WebSocketServer } from 'ws';
import { Connection, type ConnectionOptions } from './connection.js';
import { createFirstTime } from './first-time.js';
import { LiveClients } from './live-clients.js';
import { SilentWebSocket } from './owner/index.js';

/** A subscribe is about 300 bytes, with one of Tesla's tokens about 2 KB. */
const MAX_MESSAGE_BYTES = 64_000;
const ARRIVAL_TIMEOUT_MS = 2_000;
const POLL_MS = 20;
/** TESLA_WSS_HOST with a slash at its end gives two. */
const STREAMING_PATH = /^\/+streaming\/*$/;

export interface StreamingServerOptions
  extends Omit<ConnectionOptions, 'access' | 'requestToken' | 'isFirstSubscribeTo'> {
  host: string | undefined;
  /** undefined: the server does not listen; connections are passed to `accept`. */
  port: number | undefined;
  /** undefined: plain ws, inside a trusted network. */
  certificate: { cert: string; key: string } | undefined;
  access: Access;
  /** The clients of all ports; default: only the clients of this server. */
  live?: LiveClients;
  addressOf?: AddressOf;
  /** Whether a peer is a reverse proxy (TRUSTED_PROXIES). */
  isProxy?: ((address: string) => boolean) | undefined;
  countRefused: (reason: string) => void;
  /** Overrides of the limits of connections that have not shown a right token. */
  limits?: Partial<GuardLimits> | undefined;
  /** Handles requests that are no upgrades; default: not found. */
  http?: RequestListener;
}

export interface StreamingServer {
  port: number;
  readonly subscribers: number;
  /** Serves a connection that another process has accepted. */
  accept(socket: Socket): void;
  renewCertificate(certificate: { cert: string; key: string }): void;
  stop(): Promise<void>;
}

export async function startStreamingServer(options: StreamingServerOptions): Promise<StreamingServer> {
  const { certificate, access, log, addressOf = createAddressOf([]), http = notFound } = options;
  const live = options.live ?? new LiveClients({ access, log });
  const connections = new Set<Connection>();
  const isFirstUpgradeOf = createFirstTime();
  const isFirstSubscribeTo = createFirstTime();
  const upgrades = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
    WebSocket: SilentWebSocket,
  });
  const server: Server | HttpsServer = certificate
    ? createHttpsServer({ ...certificate, ...guardedTimeouts, minVersion: 'TLSv1.2' })
    : createHttpServer(guardedTimeouts);
  const guard = guardConnections(server, {
    limits: options.limits,
    isProxy: options.isProxy,
    countRefused: (reason) => options.countRefused(reason),
    log,
  });
  /** Connections without a request so far. */
  const arriving = new Set<string>();
  server.on('connection', (socket: Socket) => {
    const peer = peerOf(socket);
    arriving.add(peer);
    socket.once('close', () => arriving.delete(peer));
  });
  server.on('request', (request, response) => {
    arriving.delete(peerOf(request.socket));
    http(request, response);
  });
  server.on('upgrade', (request, socket, head) => {
    arriving.delete(peerOf(request.socket));
    socket.on('error', () => {});
    const address = addressOf({
      remoteAddress: request.socket.remoteAddress,
      forwardedFor: request.headers['x-forwarded-for']?.toString(),
    });
    const path = pathOf(request.url);
    if (!STREAMING_PATH.test(path) && isFirstUpgradeOf(path)) {
      const remedy = 'set TESLA_WSS_HOST to wss://<host>:<port>; TeslaMate adds /streaming/';
      log.warn({ path, address, remedy }, 'streaming_path_unexpected');
    }
    upgrades.handleUpgrade(request, socket, head, (webSocket) => {
      options.counts.connections++;
      const connection = new Connection(webSocket, {
        ...options,
        access: access.client(address, 'stream', () => admitConnection(request.socket)),
        isFirstSubscribeTo,
        requestToken: requestToken(request.url, request.headers.authorization),
      });
      connections.add(connection);
      const remove = live.add(connection);
      webSocket.on('close', () => {
        connections.delete(connection);
        remove();
      });
    });
  });

  const port =
    options.port === undefined
      ? 0
      : await listen(server, {
          host: options.host,
          port: options.port,
          variable: 'STREAMING_PORT',
          hostVariable: 'STREAMING_BIND',
          purpose: 'TeslaMate',
        });
  // a server that does not listen would never start its check for slow requests
  if (options.port === undefined) server.emit('listening');
  if (options.live === undefined) live.start();
  return {
    port,
    get subscribers() {
      return connections.size;
    },
    accept: (socket) => {
      socket.setNoDelay(true);
      // as in http's own servers: a client that has ended its side can still receive
      socket.allowHalfOpen = true;
      server.emit('connection', socket);
    },
    renewCertificate: (renewed) => {
      if ('setSecureContext' in server) server.setSecureContext({ ...renewed, minVersion: 'TLSv1.2' });
    },
    stop: async () => {
      server.close(() => {});
      guard.stop();
      server.closeIdleConnections();
      // To TeslaMate a connection that ends in its handshake was refused, so handshakes are completed first.
      const untilMs = performance.now() + ARRIVAL_TIMEOUT_MS;
      while (arriving.size > 0 && performance.now() < untilMs) await delay(POLL_MS);
      await Promise.allSettled([
        options.live === undefined ? live.stop('shutdown') : undefined,
        ...[...connections].map((connection) => connection.end('shutdown')),
      ]);
      server.closeAllConnections();
    },
  };
}

/** Without the query, which can contain a token. */
function pathOf(url = ''): string {
  return url.split('?', 1)[0]!.slice(0, 200);
}

/** Equal for a TCP connection and for the TLS or HTTP connection on it. */
function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

const notFound: RequestListener = (_request, response) => {
  response.writeHead(404, { 'content-type': 'text/plain' });
  response.end('not found\n');
};
