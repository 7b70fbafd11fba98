// Guards a server's port: the TLS handshake (handshake-guard.ts), then the time until a client has shown a right token
// (unadmitted-connections.ts). Create the server with `guardedTimeouts`, which end slow and silent requests.
import type { Server as HttpServer } from 'node:http';
import type { Server, Socket } from 'node:net';
import { type TLSSocket, Server as TlsServer } from 'node:tls';
import { plainAddress } from '../addresses/index.js';
import { type GuardLog, HandshakeGuard, type HandshakeLimits, handshakeLimits } from './handshake-guard.js';
import { UnadmittedConnections, type UnadmittedLimits, unadmittedLimits } from './unadmitted-connections.js';

/** For `createServer` of node:http and node:https; node:tls reads `handshakeTimeout` only. */
export const guardedTimeouts = {
  handshakeTimeout: 10_000,
  headersTimeout: 10_000,
  /** A push of 2 MB over a slow line takes some seconds. */
  requestTimeout: 30_000,
  /** How often Node looks for requests that exceed their time limit. */
  connectionsCheckingInterval: 2_000,
};

export interface GuardLimits extends HandshakeLimits, UnadmittedLimits {}

export interface ConnectionGuardOptions {
  /** Overrides of the default limits. */
  limits?: Partial<GuardLimits> | undefined;
  /** Whether this peer is a TCP balancer, which must send a PROXY header. */
  isBalancer?: ((address: string) => boolean) | undefined;
  /** Whether this peer is a reverse proxy, behind which are many clients. */
  isProxy?: ((address: string) => boolean) | undefined;
  countRefused: (reason: string) => void;
  log: GuardLog;
}

export interface HandshakeCounts {
  /** Connections that wait for their hello or for a slot. */
  readonly waiting: number;
  readonly inProgress: number;
}

export interface ConnectionGuard {
  /** Connections before the end of their TLS handshake. */
  readonly handshakes: HandshakeCounts;
  /** Connections that have not shown a right token yet. */
  unadmitted(): number;
  /** The client's address, which a balancer reports in its PROXY header. */
  addressOf(socket: Socket): string;
  /** Closes all connections that wait for their handshake. */
  stop(): void;
}

/** Call it when the server has its own listeners, and before it listens. */
export function guardConnections(server: Server | HttpServer, options: ConnectionGuardOptions): ConnectionGuard {
  const { isBalancer = () => false, isProxy = () => false, countRefused, log } = options;
  const limits: GuardLimits = { ...handshakeLimits, ...unadmittedLimits, ...options.limits };
  const unadmitted = new UnadmittedConnections({ limits, isProxy, countRefused });
  const wait = (socket: Socket, address: string) => {
    const remove = unadmitted.add(address, () => socket.destroy());
    socket.once('close', remove);
    admissions.set(socket, () => {
      remove();
      socket.off('close', remove);
    });
  };

  if (!(server instanceof TlsServer)) {
    const addressOf = ({ remoteAddress = '' }: Socket) => plainAddress(remoteAddress);
    server.prependListener('connection', (socket: Socket) => wait(socket, addressOf(socket)));
    const handshakes = { waiting: 0, inProgress: 0 };
    return { handshakes, addressOf, stop: () => {}, unadmitted: () => unadmitted.size };
  }

  // Node would start the handshake immediately; the guard decides when to start it.
  const startHandshake = server.listeners('connection');
  server.removeAllListeners('connection');
  const handshakes = new HandshakeGuard({
    limits,
    isBalancer,
    startTls: (socket) => {
      for (const listener of startHandshake) listener.call(server, socket);
    },
    countRefused,
    log,
  });
  server.on('connection', (socket: Socket) => handshakes.accept(socket));
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    handshakes.succeeded(socket);
    wait(socket, handshakes.addressOf(socket));
  });
  const addressOf = (socket: Socket) => handshakes.addressOf(socket as TLSSocket);
  return { handshakes, addressOf, stop: () => handshakes.stop(), unadmitted: () => unadmitted.size };
}

/** The client of this connection has shown a right token: the connection does not count as unadmitted any more. */
export function admitConnection(socket: Socket): void {
  admissions.get(socket)?.();
  admissions.delete(socket);
}

/** By socket, because routes and subscribers know the socket of their client and not the port's guard. */
const admissions = new WeakMap<Socket, () => void>();
