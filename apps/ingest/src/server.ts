// The door for vehicles: TLS with a required client certificate, then the WebSocket upgrade on any path. Who can't be
// identified or isn't admitted is refused before the upgrade, and counted with the reason.
import { constants, randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { DEFAULT_CIPHERS, type TLSSocket } from 'node:tls';
import { type Identity, identityFromCertificate } from '@fleetbridge/pki';
import { type Logger, listen } from '@fleetbridge/service';
import { WebSocketServer } from 'ws';
import { type Counts, countOne } from './counts.js';
import { HandshakeGuard, type HandshakeLimits, handshakeLimits } from './handshake/index.js';
import type { Fleet } from './socket/index.js';
import { createSender, VehicleConnection } from './socket/index.js';

/** Above a record's limit of 1,000,000 bytes, so that such a one can still be answered; past this the socket ends. */
const MAX_PAYLOAD_BYTES = 4_000_000;
const HANDSHAKE_MS = 10_000;
/** Connections that the system keeps until we take them, as far as it allows: a fleet that comes back comes at once. */
const BACKLOG = 4_096;
/** How often Node looks for requests that take too long. */
const REQUEST_LOOK_MS = 2_000;

/** Node prefers AES-256. AES-128 is as safe here and cheaper, which every record feels. */
const FAST_CIPHER = 'TLS_AES_128_GCM_SHA256';
const CIPHERS = [FAST_CIPHER, ...DEFAULT_CIPHERS.split(':').filter((cipher) => cipher !== FAST_CIPHER)].join(':');

export interface IngestServerOptions {
  host?: string | undefined;
  port: number;
  ca: readonly string[];
  cert: string;
  key: string;
  isAdmitted: (vin: string) => boolean;
  /** Vehicles at a time; undefined = any number. */
  maxConnections?: number | undefined;
  /** Peers that are balancers (PROXY_PROTOCOL_FROM). */
  isBalancer?: ((address: string) => boolean) | undefined;
  /** Default: those of handshake-guard.ts. */
  limits?: Partial<HandshakeLimits> | undefined;
  fleet: Fleet;
  counts: Counts;
  log: Logger;
}

export interface IngestServer {
  port: number;
  /** New handshakes get the new certificate; connections stay as they are. */
  renewCertificate(certificate: { cert: string; key: string }): void;
  /** New handshakes are verified against these; connections stay, whoever signed their certificates. */
  renewVehicleCas(ca: readonly string[]): void;
  /** Connections that are not a vehicle's yet. */
  readonly handshakes: Pick<HandshakeGuard, 'waiting' | 'underWay'>;
  /** Stops accepting. Connections are the fleet's to end. */
  stop(): void;
}

export async function startIngestServer(options: IngestServerOptions): Promise<IngestServer> {
  const { fleet, counts, log, maxConnections = Number.POSITIVE_INFINITY } = options;
  const upgrades = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MAX_PAYLOAD_BYTES,
  });
  const secure = {
    // A vehicle that does not find its own CA among the names we send presents no certificate: exactly these, no others.
    ca: [...options.ca],
    cert: options.cert,
    key: options.key,
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2' as const,
    ciphers: CIPHERS,
    // Measured: session tickets cost a quarter of a handshake's CPU and 15 KB a connection, and help only vehicles that
    // resume a session, whose certificate would then not be looked at again.
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
  const server = createServer({
    ...secure,
    handshakeTimeout: HANDSHAKE_MS,
    requestTimeout: HANDSHAKE_MS,
    connectionsCheckingInterval: REQUEST_LOOK_MS,
  });
  let isStopping = false;

  // Node would begin the handshake at once; the guard says when.
  const beginHandshake = server.listeners('connection');
  server.removeAllListeners('connection');
  const guard = new HandshakeGuard({
    limits: { ...handshakeLimits, ...options.limits },
    isBalancer: options.isBalancer ?? (() => false),
    startTls: (socket) => {
      for (const listener of beginHandshake) listener.call(server, socket);
    },
    counts,
    log,
  });
  server.on('connection', (socket: Socket) => guard.accept(socket));
  server.on('secureConnection', (socket) => guard.succeeded(socket));
  server.on('tlsClientError', (error, socket) => {
    const reason = handshakeFailure(error, socket);
    countOne(counts.refusedConnections, reason);
    log.debug({ reason, address: guard.addressOf(socket), err: error }, 'handshake_failed');
  });
  const addressOf = (request: IncomingMessage) => guard.addressOf(request.socket as TLSSocket);
  server.on('request', (request, response) => {
    const identity = admit(request, addressOf(request), options);
    response.setHeader('content-type', 'text/plain');
    if (typeof identity === 'string') {
      response.statusCode = 403;
      response.end(`${identity}\n`);
    } else if (request.url === '/status') {
      response.end('mtls ok');
    } else {
      response.statusCode = 426;
      response.setHeader('upgrade', 'websocket');
      response.end('vehicles connect here by WebSocket\n');
    }
  });
  server.on('upgrade', (request, socket, head) => {
    const identity = admit(request, addressOf(request), options);
    if (typeof identity === 'string') {
      refuseUpgrade(socket, '403 Forbidden', identity);
      return;
    }
    // its handshake was under way when we stopped to accept
    if (isStopping) {
      refuseUpgrade(socket, '503 Service Unavailable', 'stopping');
      return;
    }
    // a vehicle that is connected already gets no place more, it changes its old one for this
    if (fleet.connected >= maxConnections && !fleet.isConnected(identity.deviceId)) {
      countOne(counts.refusedConnections, 'too_many_connections');
      log.warn(
        { vin: identity.deviceId, connected: fleet.connected, remedy: 'MAX_CONNECTIONS' },
        'too_many_connections',
      );
      refuseUpgrade(socket, '503 Service Unavailable', 'too_many_connections');
      return;
    }
    upgrades.handleUpgrade(request, socket, head, (webSocket) => {
      const sender = createSender(identity, header(request, 'version'), fleet.extraTopics);
      const facts = {
        connectionId: randomUUID(),
        vehicleTxid: header(request, 'x-txid'),
        networkInterface: header(request, 'x-network-interface'),
        address: addressOf(request),
        connectedMs: fleet.now(),
      };
      fleet.add(new VehicleConnection({ webSocket, socket, sender, facts, host: fleet }));
    });
  });

  const port = await listen(server, {
    host: options.host,
    port: options.port,
    backlog: BACKLOG,
    variable: 'INGEST_PORT',
    hostVariable: 'INGEST_HOST',
    purpose: 'vehicles',
  });
  return {
    port,
    handshakes: guard,
    renewCertificate: ({ cert, key }) => server.setSecureContext(Object.assign(secure, { cert, key })),
    renewVehicleCas: (renewed) => server.setSecureContext(Object.assign(secure, { ca: [...renewed] })),
    stop: () => {
      isStopping = true;
      server.close();
      guard.stop();
      server.closeIdleConnections();
    },
  };
}

/** Who this is, or the reason for not letting it in (which is counted). */
function admit(
  request: IncomingMessage,
  address: string,
  { isAdmitted, counts, log }: IngestServerOptions,
): Identity | string {
  const certificate = (request.socket as TLSSocket).getPeerX509Certificate();
  const identity = certificate && identityFromCertificate(certificate.raw);
  if (identity === undefined || 'refused' in identity) {
    const reason = identity?.refused ?? 'no_certificate';
    countOne(counts.refusedConnections, reason);
    log.warn({ reason, detail: identity?.detail, address }, 'identity_refused');
    return reason;
  }
  if (!isAdmitted(identity.deviceId)) {
    countOne(counts.refusedConnections, 'vin_not_admitted');
    log.warn(
      { vin: identity.deviceId, address, remedy: `fleetbridge vehicle allow ${identity.deviceId}` },
      'vin_not_admitted',
    );
    return 'vin_not_admitted';
  }
  return identity;
}

function refuseUpgrade(socket: Duplex, status: string, reason: string): void {
  socket.on('error', () => {});
  // Node leaves an upgraded socket half open, and no timeout of HTTP looks after it any more.
  socket.once('finish', () => socket.destroy());
  socket.end(
    [
      `HTTP/1.1 ${status}`,
      'Connection: close',
      'Content-Type: text/plain',
      `Content-Length: ${reason.length}`,
      '',
      reason,
    ].join('\r\n'),
  );
}

/** A closed set of reasons from OpenSSL's many. */
function handshakeFailure(error: NodeJS.ErrnoException, socket: TLSSocket): string {
  // Node ends an unverified client without an error of its own; what was wrong is the socket's to say.
  const code = String(socket.authorizationError ?? error.code ?? '');
  if (code === 'CERT_HAS_EXPIRED') return 'certificate_expired';
  if (socket.authorizationError) return 'certificate_not_verified';
  if (code === 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE') return 'no_certificate';
  if (code === 'ECONNRESET' || code === 'EPIPE') return 'connection_lost';
  if (code === 'ERR_TLS_HANDSHAKE_TIMEOUT') return 'handshake_timeout';
  return 'tls_error';
}

function header(request: IncomingMessage, name: string): string {
  const value = request.headers[name];
  // bounded: it is kept for the life of the connection and stored with each record
  return typeof value === 'string' ? value.slice(0, 100) : '';
}
