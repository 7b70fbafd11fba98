// fleetbridge.v1.Telemetry on STREAMING_GRPC_PORT. The token is metadata, `authorization: Bearer …`. A subscription sends
// at its client's pace. A client that stops reading is disconnected with RESOURCE_EXHAUSTED and can resume with its
// cursor.

import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import {
  type Access,
  type AddressOf,
  admitConnection,
  type ClientAccess,
  type Grant,
  type GuardLimits,
  grantsVehicle,
  guardConnections,
  guardedTimeouts,
  type Scope,
} from '@fleetbridge/access';
import { isVin, normalizeVin } from '@fleetbridge/protocol';
import { type Logger, listen, withTimeout } from '@fleetbridge/service';
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerErrorResponse,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import type { Vehicles } from '../frames/index.js';
import type { LiveClients } from '../live-clients.js';
import type { StreamingCounts } from '../metrics.js';
import type { LogRecords } from '../records/index.js';
import { parseCursor, RecordStream, type StreamItem, type StreamStart, sendRecords } from '../records/index.js';
import { recordMessage, timeMs, vehicleMessage, type WireTimestamp } from './grpc-messages.js';
import { addHealth, addReflection, telemetryService } from './grpc-services.js';

const MAX_VINS = 1_000;
const STOP_TIMEOUT_MS = 1_000;
const FLUSH_MS = 100;
const channelOptions = {
  'grpc.max_receive_message_length': 64_000,
  'grpc.max_concurrent_streams': 100,
  // detects a client that vanished
  'grpc.keepalive_time_ms': 30_000,
  'grpc.keepalive_timeout_ms': 10_000,
  // a client without calls connects again when it has one
  'grpc.max_connection_idle_ms': 300_000,
};

export interface GrpcServerOptions {
  host: string | undefined;
  /** undefined: the server does not listen; connections are passed to `accept`. */
  port: number | undefined;
  /** undefined: no TLS, inside a trusted network. */
  certificate: { cert: string; key: string } | undefined;
  access: Access;
  addressOf: AddressOf;
  vehicles: Vehicles;
  records: LogRecords;
  live: LiveClients;
  counts: StreamingCounts;
  log: Logger;
  unreadLimitMs?: number | undefined;
  /** Whether a peer is a reverse proxy (TRUSTED_PROXIES). */
  isProxy?: ((address: string) => boolean) | undefined;
  countRefused: (reason: string) => void;
  /** Overrides of the limits of connections that have not shown a right token. */
  limits?: Partial<GuardLimits> | undefined;
}

export interface GrpcServer {
  port: number;
  accept(socket: Socket): void;
  renewCertificate(certificate: { cert: string; key: string }): void;
  /** Sets the status of the health service. */
  setServing(isServing: boolean): void;
  stop(): Promise<void>;
}

export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const server = new Server(channelOptions);
  const { certificate, limits, isProxy, countRefused, log } = options;
  /** By peer, as calls name it. */
  const sockets = new Map<string, Socket>();
  const admitPeer = (peer: string) => {
    const socket = sockets.get(peer);
    if (socket !== undefined) admitConnection(socket);
  };
  server.addService(telemetryService, telemetryHandlers(options, admitPeer));
  const health = addHealth(server);
  addReflection(server);
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const inject = (socket: Socket) => {
    const peer = peerOf(socket);
    sockets.set(peer, socket);
    socket.once('close', () => sockets.delete(peer));
    socket.on('error', () => {});
    injector.injectConnection(socket);
  };
  // TLS ends here and not in grpc-js, so that the guard sees the handshake
  const listener =
    certificate === undefined
      ? createServer({ noDelay: true }, inject)
      : createTlsServer({ ...secureContext(certificate), ...guardedTimeouts, noDelay: true }, inject);
  const guard = guardConnections(listener, { limits, isProxy, countRefused, log });
  const port =
    options.port === undefined
      ? 0
      : await listen(listener, {
          host: options.host,
          port: options.port,
          variable: 'STREAMING_GRPC_PORT',
          hostVariable: 'STREAMING_BIND',
          purpose: 'gRPC',
        });
  return {
    port,
    accept: (socket) => {
      socket.setNoDelay(true);
      listener.emit('connection', socket);
    },
    // connections with the old certificate stay open
    renewCertificate: (renewed) => {
      if ('setSecureContext' in listener) listener.setSecureContext(secureContext(renewed));
    },
    setServing: health.set,
    stop: async () => {
      // On Node 24 a closing server cuts streams whose last message is still being written.
      await delay(FLUSH_MS);
      if (listener.listening) listener.close();
      guard.stop();
      health.stop();
      // Ended calls get the time for their status to arrive.
      const shutDown = new Promise((resolve) => server.tryShutdown(resolve));
      await withTimeout(shutDown, STOP_TIMEOUT_MS, { onTimeout: () => {} });
      server.forceShutdown();
    },
  };
}

interface SubscribeRequest {
  vins: string[];
  topics: string[];
  start?: 'cursor' | 'from';
  cursor?: string;
  from?: WireTimestamp;
}
type Call = ServerUnaryCall<{ vin: string }, object>;
type SubscribeCall = ServerWritableStream<SubscribeRequest, object>;

function telemetryHandlers(
  { access, addressOf, vehicles, records, live, counts, log, unreadLimitMs }: GrpcServerOptions,
  admitPeer: (peer: string) => void,
) {
  return {
    Subscribe: (call: SubscribeCall) => {
      subscribe(call).catch((error) => call.emit('error', refusalOf(error, log)));
    },
    GetVehicle: (call: Call, answer: sendUnaryData<object>) => void respond(getVehicle(call), answer),
    ListVehicles: (call: Call, answer: sendUnaryData<object>) => void respond(listVehicles(call), answer),
  };

  async function respond(result: Promise<object>, answer: sendUnaryData<object>): Promise<void> {
    try {
      answer(null, await result);
    } catch (error) {
      answer(refusalOf(error, log));
    }
  }

  async function getVehicle(call: Call): Promise<object> {
    const admitted = await admit(call, 'read');
    const vehicle = await vehicles.read(grantedVin(admitted, call.request.vin));
    if (vehicle === undefined) throw refusal(status.NOT_FOUND, 'this vehicle is unknown');
    return vehicleMessage(vehicle);
  }

  async function listVehicles(call: Call): Promise<object> {
    const { grant } = await admit(call, 'read');
    return { vehicles: (await vehicles.list(grant)).map(vehicleMessage) };
  }

  async function subscribe(call: SubscribeCall): Promise<void> {
    const { grant, client } = await admit(call, 'stream');
    const { vins, topics } = call.request;
    if (vins.length > MAX_VINS) throw refusal(status.INVALID_ARGUMENT, `at most ${MAX_VINS} vins`);
    const granted = vins.map((vin) => grantedVin({ grant, client }, vin));
    const only = grant.vin === '*' ? undefined : [grant.vin];
    const start = startOf(call.request, records.partitions);
    if (call.cancelled) return;

    const stream = new RecordStream({ records, vins: granted.length > 0 ? granted : only, topics, start });
    const stop = () => {
      stream.stop();
      remove();
    };
    const end = (code: status, details: string) => {
      stop();
      call.emit('error', refusal(code, details));
    };
    const remove = live.add({
      kind: 'grpc',
      access: client,
      end: (reason) => end(reason === 'token_revoked' ? status.UNAUTHENTICATED : status.UNAVAILABLE, reason),
    });
    for (const event of ['cancelled', 'close', 'finish']) call.once(event, stop);
    // Confirms the subscription, with its start.
    const metadata = new Metadata();
    metadata.set('cursor', stream.cursor);
    call.sendMetadata(metadata);

    const send = (item: StreamItem) => {
      if (item.kind === 'gap') {
        end(status.OUT_OF_RANGE, `the log begins after that cursor, with ${item.firstKept}; subscribe from a time`);
        return true;
      }
      const isReady = call.write(recordMessage(item.record, item.cursor));
      counts.sentRecords.grpc = (counts.sentRecords.grpc ?? 0) + 1;
      return isReady;
    };
    const drained = () => drainedOrGone(call);
    const outcome = await sendRecords(stream, { kind: 'grpc', send, drained, counts, log, unreadLimitMs });
    if (outcome === 'failed') {
      counts.ended.internal_error = (counts.ended.internal_error ?? 0) + 1;
      end(status.UNAVAILABLE, 'failed; see the log of streaming');
    }
    if (outcome === 'unread') {
      counts.ended.messages_unread = (counts.ended.messages_unread ?? 0) + 1;
      end(status.RESOURCE_EXHAUSTED, 'records are not read');
    }
  }

  async function admit(call: { metadata: Metadata; getPeer(): string }, scope: Scope): Promise<Admitted> {
    const text = (name: string) => call.metadata.get(name)[0]?.toString();
    const remoteAddress = call.getPeer().replace(/:\d+$/, '');
    const address = addressOf({ remoteAddress, forwardedFor: text('x-forwarded-for') });
    const client = access.client(address, scope, () => admitPeer(call.getPeer()));
    const grant = await client.identifyWithRetry(text('authorization'));
    if (grant === 'refused') throw refusal(status.UNAUTHENTICATED, 'metadata authorization: Bearer <token> is needed');
    if (grant === 'unknown') throw refusal(status.UNAVAILABLE, 'not ready; try again in a moment');
    return { grant, client };
  }

  function grantedVin({ grant, client }: Admitted, text: string): string {
    const vin = normalizeVin(text);
    if (!isVin(vin)) throw refusal(status.INVALID_ARGUMENT, 'expected a VIN');
    if (grantsVehicle(grant, vin)) return vin;
    client.refuse('other_vehicle', vin);
    throw refusal(status.PERMISSION_DENIED, 'this token is for another vehicle');
  }
}

interface Admitted {
  grant: Grant;
  client: ClientAccess;
}

function startOf({ start, cursor, from }: SubscribeRequest, partitions: number): StreamStart {
  if (start === 'from' && from) return { kind: 'time', fromMs: timeMs(from) };
  if (start !== 'cursor') return { kind: 'live' };
  const positions = parseCursor(cursor ?? '', partitions);
  if (positions === undefined) throw refusal(status.INVALID_ARGUMENT, 'that is no cursor of this log');
  return { kind: 'cursor', positions };
}

/** Ends a call with a status and a message for the client. */
class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: status;
  readonly details: string;

  constructor(code: status, details: string) {
    super(details);
    this.code = code;
    this.details = details;
  }
}

function refusal(code: status, details: string): Refusal {
  return new Refusal(code, details);
}

function refusalOf(error: unknown, log: Pick<Logger, 'error'>): ServerErrorResponse {
  if (error instanceof Refusal) return error;
  log.error({ err: error }, 'call_failed');
  return refusal(status.UNAVAILABLE, 'failed; see the log of streaming');
}

async function drainedOrGone(call: SubscribeCall): Promise<void> {
  const ended = new AbortController();
  const events = ['drain', 'cancelled', 'close', 'finish'].map((event) => once(call, event, ended));
  await Promise.race(events).catch(() => {});
  ended.abort();
  await Promise.allSettled(events);
}

function secureContext(certificate: NonNullable<GrpcServerOptions['certificate']>) {
  return { ...certificate, ALPNProtocols: ['h2'], minVersion: 'TLSv1.2' as const };
}

/** In the form of `getPeer` of a call. */
function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress}:${remotePort}`;
}
