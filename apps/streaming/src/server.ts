// The door on STREAMING_PORT: a WebSocket on /streaming/ (and /streaming) for TeslaMate and for whoever wants raw
// records, HTTP for the rest, with TLS of its own. The WebSocket is always accepted: a refused upgrade or a close frame
// takes TeslaMate's process of the vehicle down.
import { createServer as createHttpServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import { type Access, type AddressOf, type ClientAccess, createAddressOf, requestToken } from '@fleetbridge/access';
import { type Logger, listen } from '@fleetbridge/service';
import { WebSocketServer } from 'ws';
import type { Feeds } from './frames/index.js';
import { type LiveClient, LiveClients } from './live-clients.js';
import type { StreamingCounts } from './metrics.js';
import { ownerPace, type Pace, SilentWebSocket, Subscriber } from './owner/index.js';

/** A subscribe is some 300 bytes, with a token of Tesla's some 2 KB. */
const MAX_MESSAGE_BYTES = 64_000;
const ARRIVAL_LIMIT_MS = 2_000;

export interface StreamingServerOptions {
  host: string | undefined;
  /** undefined: it is given its connections (`accept`). */
  port: number | undefined;
  /** undefined: plain ws, inside a trusted network. */
  certificate: { cert: string; key: string } | undefined;
  access: Access;
  feeds: Feeds;
  counts: StreamingCounts;
  log: Logger;
  now: () => number;
  /** Other delays than TeslaMate's, for tests. */
  pace?: Partial<Pace>;
  /** Whoever listens, through this door or another; default: only those of this one. */
  live?: LiveClients;
  addressOf?: AddressOf;
  /** The VIN that a tag stands for; default: it is one. */
  vinOf?: (tag: string) => string;
  /** Everything that is no upgrade; default: not found. */
  http?: RequestListener;
  /** Takes a client whose first message asks for raw records; returns how to end it. */
  raw?: (client: RawClient) => Pick<LiveClient, 'end'>;
}

export interface RawClient {
  webSocket: SilentWebSocket;
  message: string;
  requestToken: string | undefined;
  access: ClientAccess;
}

export interface StreamingServer {
  port: number;
  readonly subscribers: number;
  /** A connection that another process has taken for us. */
  accept(socket: Socket): void;
  renewCertificate(certificate: { cert: string; key: string }): void;
  stop(): Promise<void>;
}

export async function startStreamingServer(options: StreamingServerOptions): Promise<StreamingServer> {
  const { certificate, access, log, addressOf = createAddressOf([]), http = notFound } = options;
  const live = options.live ?? new LiveClients({ access, log });
  const connections = new Set<Connection>();
  const upgrades = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
    WebSocket: SilentWebSocket,
  });
  const server: Server | HttpsServer = certificate
    ? createHttpsServer({ ...certificate, minVersion: 'TLSv1.2' })
    : createHttpServer();
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
    if (!isStreamingPath(request)) {
      socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n');
      return;
    }
    upgrades.handleUpgrade(request, socket, head, (webSocket) => {
      options.counts.connections++;
      const address = addressOf({
        remoteAddress: request.socket.remoteAddress,
        forwardedFor: request.headers['x-forwarded-for']?.toString(),
      });
      const client = access.client(address, 'stream');
      const connection = new Connection(webSocket, {
        ...options,
        access: client,
        requestToken: requestToken(request.url, request.headers.authorization),
      });
      connections.add(connection);
      const leave = live.add(connection);
      webSocket.on('close', () => {
        connections.delete(connection);
        leave();
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
  // without a port of its own a server does not begin to watch over slow requests by itself
  if (options.port === undefined) server.emit('listening');
  if (options.live === undefined) live.start();
  return {
    port,
    get subscribers() {
      return connections.size;
    },
    accept: (socket) => {
      socket.setNoDelay(true);
      // as http's own servers have it: who has said everything may still listen
      socket.allowHalfOpen = true;
      server.emit('connection', socket);
    },
    renewCertificate: (renewed) => {
      if ('setSecureContext' in server) server.setSecureContext({ ...renewed, minVersion: 'TLSv1.2' });
    },
    stop: async () => {
      server.close(() => {});
      server.closeIdleConnections();
      // A connection that ends in its handshake is one that was refused. What has just come is let in first.
      const untilMs = Date.now() + ARRIVAL_LIMIT_MS;
      while (arriving.size > 0 && Date.now() < untilMs) await new Promise((done) => setTimeout(done, 20));
      await Promise.all([
        options.live === undefined ? live.stop('shutdown') : undefined,
        ...[...connections].map((connection) => connection.end('shutdown')),
      ]);
      server.closeAllConnections();
    },
  };
}

interface ConnectionOptions extends Omit<StreamingServerOptions, 'access'> {
  access: ClientAccess;
  requestToken: string | undefined;
}

/** A WebSocket whose first message says what kind of client it is; until then it is treated as TeslaMate's. */
class Connection implements LiveClient {
  readonly access: ClientAccess;
  readonly #webSocket: SilentWebSocket;
  readonly #options: ConnectionOptions;
  readonly #pace: Pace;
  #subscriber: Subscriber | undefined;
  #raw: Pick<LiveClient, 'end'> | undefined;

  constructor(webSocket: SilentWebSocket, options: ConnectionOptions) {
    this.#webSocket = webSocket;
    this.#options = options;
    this.access = options.access;
    this.#pace = { ...ownerPace, ...options.pace };
    webSocket.on('error', () => {});
    const timer = setTimeout(() => this.#terminate('no_subscribe'), this.#pace.noSubscribeMs);
    webSocket.once('close', () => clearTimeout(timer));
    webSocket.once('message', (data, isBinary) => {
      clearTimeout(timer);
      this.#begin(isBinary ? '' : data.toString());
      if (!this.#raw) webSocket.emit('message', data, isBinary);
    });
  }

  get door(): string {
    return this.#raw ? 'raw' : 'owner';
  }

  async end(reason: string): Promise<void> {
    const deadlineMs = Date.now() + 4 * this.#pace.quietMs;
    // TeslaMate subscribes at once; an end before that would meet it while it sends
    while (!this.#hasBegun && this.#isOpen && Date.now() < deadlineMs)
      await new Promise((done) => setTimeout(done, 20));
    if (this.#subscriber) await this.#subscriber.endQuietly(reason);
    else if (this.#raw) await this.#raw.end(reason);
    else this.#terminate(reason);
  }

  get #hasBegun(): boolean {
    return this.#subscriber !== undefined || this.#raw !== undefined;
  }

  get #isOpen(): boolean {
    return this.#webSocket.readyState === this.#webSocket.OPEN;
  }

  #begin(message: string): void {
    const { raw, requestToken, access, feeds, counts, log, now, vinOf } = this.#options;
    const webSocket = this.#webSocket;
    if (raw && asksForRawRecords(message)) {
      webSocket.knowsCloseFrames = true;
      this.#raw = raw({ webSocket, message, requestToken, access });
      return;
    }
    this.#subscriber = new Subscriber({
      webSocket,
      requestToken,
      address: access.address,
      access,
      feeds,
      counts,
      log,
      now,
      pace: this.#pace,
      ...(vinOf === undefined ? {} : { vinOf }),
    });
  }

  #terminate(reason: string): void {
    if (this.#webSocket.readyState === this.#webSocket.CLOSED) return;
    const { counts } = this.#options;
    counts.ended[reason] = (counts.ended[reason] ?? 0) + 1;
    this.#webSocket.terminate();
  }
}

function asksForRawRecords(message: string): boolean {
  try {
    return JSON.parse(message)?.msg_type === 'data:subscribe_all';
  } catch {
    // not JSON: for the subscriber to ignore and count
    return false;
  }
}

function isStreamingPath({ url = '' }: IncomingMessage): boolean {
  return /^\/streaming\/?(\?|$)/.test(url);
}

/** The same for a connection and for the TLS or HTTP on it. */
function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

const notFound: RequestListener = (_request, response) => {
  response.writeHead(404, { 'content-type': 'text/plain' });
  response.end('not found\n');
};
