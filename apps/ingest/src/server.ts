// The port for vehicles: TLS with a required client certificate, then the WebSocket upgrade on any path. A client that
// cannot be identified or is not admitted is refused before the upgrade and counted by reason.
import { constants, randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { DEFAULT_CIPHERS, type TLSSocket } from 'node:tls';
import {
  admitConnection,
  FailureLog,
  type GuardLimits,
  guardConnections,
  guardedTimeouts,
  type HandshakeCounts,
} from '@fleetbridge/access';
import { type Identity, identityFromCertificate } from '@fleetbridge/pki';
import { type Logger, listen } from '@fleetbridge/service';
import { WebSocketServer } from 'ws';
import { countOne } from './counts.js';
import { type ConnectionRegistry, type ConnectionServices, createSender, VehicleConnection } from './socket/index.js';

/** Records over 1,000,000 bytes are answered with an error; only a message over this limit ends the connection. */
const MAX_PAYLOAD_BYTES = 4_000_000;
/** Vehicles send requests without a body. */
const REQUEST_MS = 10_000;
/** A vehicle has shown its certificate; a whole fleet can come from one address and wait for its upgrade. */
const UNADMITTED = 10_000;
/** Connections that the kernel may queue (as far as it allows), because all vehicles reconnect at the same moment. */
const BACKLOG = 4_096;

/** Node prefers AES-256. AES-128 is safe as well and costs less CPU per record. */
const FAST_CIPHER = 'TLS_AES_128_GCM_SHA256';
const CIPHERS = [FAST_CIPHER, ...DEFAULT_CIPHERS.split(':').filter((cipher) => cipher !== FAST_CIPHER)].join(':');

export interface IngestServerOptions {
  host?: string | undefined;
  port: number;
  ca: readonly string[];
  cert: string;
  key: string;
  isAdmitted: (vin: string) => boolean;
  /** Maximum number of sockets of vehicles; undefined: unlimited. */
  maxConnections?: number | undefined;
  /** Whether a peer is a TCP balancer (PROXY_PROTOCOL_FROM). */
  isBalancer?: ((address: string) => boolean) | undefined;
  /** Overrides of the default limits. */
  limits?: Partial<GuardLimits> | undefined;
  connections: Pick<ConnectionRegistry, 'sockets' | 'isConnected' | 'mayConnect' | 'add'>;
  services: ConnectionServices;
  log: Logger;
}

export interface IngestServer {
  port: number;
  /** New handshakes use the new certificate; open connections are not affected. */
  renewCertificate(certificate: { cert: string; key: string }): void;
  /** New handshakes are verified against these CAs; open connections are not affected. */
  renewVehicleCas(ca: readonly string[]): void;
  /** Connections before the end of their handshake. */
  readonly handshakes: HandshakeCounts;
  /** Stops accepting. The connection registry closes the vehicles' connections. */
  stop(): void;
}

export async function startIngestServer(options: IngestServerOptions): Promise<IngestServer> {
  const { connections, services, log, maxConnections = Number.POSITIVE_INFINITY } = options;
  const { counts } = services;
  const upgrades = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MAX_PAYLOAD_BYTES,
  });
  const secure = {
    // A vehicle presents no certificate when its CA is missing in the list that the server sends.
    ca: [...options.ca],
    cert: options.cert,
    key: options.key,
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2' as const,
    ciphers: CIPHERS,
    // Measured: session tickets cost a quarter of a handshake's CPU and 15 KB per connection. They help only vehicles that
    // resume a session, and a resumed session would skip the check of the certificate.
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
  const server = createServer({ ...secure, ...guardedTimeouts, requestTimeout: REQUEST_MS });
  let isStopping = false;

  const guard = guardConnections(server, {
    limits: { unadmittedPerAddress: UNADMITTED, unadmitted: UNADMITTED, ...options.limits },
    isBalancer: options.isBalancer,
    countRefused: (reason) => countOne(counts.refusedConnections, reason),
    log,
  });
  const failureLog = new FailureLog({ log });
  server.on('tlsClientError', (error, socket) => {
    const reason = handshakeFailure(error, socket);
    const address = guard.addressOf(socket);
    countOne(counts.refusedConnections, reason);
    log.debug({ reason, address, err: error }, 'handshake_failed');
    if (CERTIFICATE_FAILURES.has(reason)) failureLog.warn({ address, reason }, 'certificate_refused');
  });
  const addressOf = (request: IncomingMessage) => guard.addressOf(request.socket);
  server.on('request', (request, response) => {
    const identity = admit(request, addressOf(request), options, failureLog);
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
    const identity = admit(request, addressOf(request), options, failureLog);
    if (typeof identity === 'string') {
      refuseUpgrade(socket, '403 Forbidden', identity);
      return;
    }
    // the handshake was in progress when the stop began
    if (isStopping) {
      refuseUpgrade(socket, '503 Service Unavailable', 'stopping');
      return;
    }
    const vin = identity.deviceId;
    if (!connections.mayConnect(vin)) {
      countOne(counts.refusedConnections, 'vehicle_connects');
      failureLog.warnPer(vin, { vin, address: addressOf(request) }, 'vehicle_connects_limited');
      refuseUpgrade(socket, '429 Too Many Requests', 'vehicle_connects');
      return;
    }
    // a vehicle that is already connected replaces its own connection, whose socket then ends at once
    const isFull = connections.sockets >= maxConnections;
    if (isFull && !connections.isConnected(vin)) {
      countOne(counts.refusedConnections, 'too_many_connections');
      const { sockets } = connections;
      const address = addressOf(request);
      failureLog.warn({ vin, address, connected: sockets, remedy: 'MAX_CONNECTIONS' }, 'too_many_connections');
      refuseUpgrade(socket, '503 Service Unavailable', 'too_many_connections');
      return;
    }
    upgrades.handleUpgrade(request, socket, head, (webSocket) => {
      admitConnection(request.socket);
      const sender = createSender(identity, header(request, 'version'), services.rules.extra);
      const facts = {
        connectionId: randomUUID(),
        vehicleTxid: header(request, 'x-txid'),
        networkInterface: header(request, 'x-network-interface'),
        address: addressOf(request),
        connectedMs: services.monotonicNow(),
      };
      connections.add(new VehicleConnection({ webSocket, socket, sender, facts, services }), { isFull });
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
    handshakes: guard.handshakes,
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

/** The vehicle's identity, or the reason of the refusal (already counted and logged). */
function admit(
  request: IncomingMessage,
  address: string,
  { isAdmitted, services: { counts } }: IngestServerOptions,
  failureLog: FailureLog,
): Identity | string {
  const certificate = (request.socket as TLSSocket).getPeerX509Certificate();
  const identity = certificate && identityFromCertificate(certificate.raw);
  if (identity === undefined || 'refused' in identity) {
    const reason = identity?.refused ?? 'no_certificate';
    countOne(counts.refusedConnections, reason);
    failureLog.warn({ reason, detail: identity?.detail, address }, 'identity_refused');
    return reason;
  }
  if (!isAdmitted(identity.deviceId)) {
    countOne(counts.refusedConnections, 'vin_not_admitted');
    const vin = identity.deviceId;
    failureLog.warnPer(vin, { vin, address, remedy: `fleetbridge vehicle allow ${vin}` }, 'vin_not_admitted');
    return 'vin_not_admitted';
  }
  return identity;
}

function refuseUpgrade(socket: Duplex, status: string, reason: string): void {
  socket.on('error', () => {});
  // Node leaves an upgraded socket half open, and HTTP timeouts do not apply to it any more.
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

/** The client has no certificate that identifies a vehicle; other failures are those of a line or of a scanner. */
const CERTIFICATE_FAILURES = new Set(['certificate_expired', 'certificate_not_verified', 'no_certificate']);

/** Maps the many errors of OpenSSL to a fixed set of reasons. */
function handshakeFailure(error: NodeJS.ErrnoException, socket: TLSSocket): string {
  // Node reports no error of its own for a client that fails verification; the reason is on the socket.
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
  // bounded, because it is kept as long as the connection and stored with each record
  return typeof value === 'string' ? value.slice(0, 100) : '';
}
