// The door for TeslaMate: a WebSocket on /streaming/ (and /streaming), with TLS of its own. It always accepts: a refused
// upgrade or a close frame takes TeslaMate's process of the vehicle down.
import { createServer as createHttpServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import { explainListenError, type Logger } from '@fleetbridge/service';
import { WebSocket, WebSocketServer } from 'ws';
import { type Access, requestToken } from './access.js';
import type { Feeds } from './feeds.js';
import type { StreamingCounts } from './metrics.js';
import { ownerPace, type Pace, Subscriber } from './subscriber.js';

/** A subscribe is some 300 bytes, with a token of Tesla's some 2 KB. */
const MAX_MESSAGE_BYTES = 64_000;

export interface StreamingServerOptions {
  host: string | undefined;
  port: number;
  /** undefined: plain ws, inside a trusted network. */
  certificate: { cert: string; key: string } | undefined;
  access: Access;
  feeds: Feeds;
  counts: StreamingCounts;
  log: Logger;
  now: () => number;
  /** Other delays than TeslaMate's, for tests. */
  pace?: Partial<Pace>;
}

export interface StreamingServer {
  port: number;
  readonly subscribers: number;
  renewCertificate(certificate: { cert: string; key: string }): void;
  stop(): Promise<void>;
}

export async function startStreamingServer(options: StreamingServerOptions): Promise<StreamingServer> {
  const { certificate, access, feeds, counts, log, now } = options;
  const pace = { ...ownerPace, ...options.pace };
  const subscribers = new Set<Subscriber>();
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
  server.on('request', (request, response) => {
    const isStreaming = isStreamingPath(request);
    response.writeHead(isStreaming ? 426 : 404, { 'content-type': 'text/plain' });
    response.end(isStreaming ? 'TeslaMate connects here by WebSocket: set TESLA_WSS_HOST\n' : 'not found\n');
  });
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => {});
    if (!isStreamingPath(request)) {
      socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n');
      return;
    }
    upgrades.handleUpgrade(request, socket, head, (webSocket) => {
      const subscriber = new Subscriber({
        webSocket,
        requestToken: requestToken(request.url, request.headers.authorization),
        address: request.socket.remoteAddress ?? '',
        access,
        feeds,
        counts,
        log,
        now,
        pace,
      });
      subscribers.add(subscriber);
      counts.connections++;
      webSocket.on('close', () => subscribers.delete(subscriber));
    });
  });

  const port = await listen(server, options);
  return {
    port,
    get subscribers() {
      return subscribers.size;
    },
    renewCertificate: (renewed) => {
      if ('setSecureContext' in server) server.setSecureContext({ ...renewed, minVersion: 'TLSv1.2' });
    },
    stop: async () => {
      server.close();
      server.closeIdleConnections();
      await Promise.all([...subscribers].map((subscriber) => subscriber.endQuietly('shutdown')));
    },
  };
}

/** Ends without a close frame wherever ws would send one: bad frames, messages too long, the echo of a client's close. */
class SilentWebSocket extends WebSocket {
  override close(): void {
    this.terminate();
  }
}

function isStreamingPath({ url = '' }: IncomingMessage): boolean {
  return /^\/streaming\/?(\?|$)/.test(url);
}

function listen(server: Server | HttpsServer, { host, port }: StreamingServerOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    const facts = {
      host: host ?? 'all addresses',
      port,
      variable: 'STREAMING_PORT',
      hostVariable: 'STREAMING_BIND',
      purpose: 'TeslaMate',
    };
    server.once('error', (error) => reject(explainListenError(error, facts)));
    server.listen({ port, host }, () => resolve((server.address() as { port: number }).port));
  });
}
