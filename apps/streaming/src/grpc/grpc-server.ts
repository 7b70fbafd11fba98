// fleetbridge.v1.Telemetry on STREAMING_GRPC_PORT: for programs. Tokens come as metadata, `authorization: Bearer …`, and
// open what they open everywhere. A subscription goes at its client's pace; whoever stops reading is told so and can
// come back with its cursor.

import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { AddressOf } from '@fleetbridge/access';
import { type Access, type ClientAccess, type Grant, grantsVehicle, type Scope } from '@fleetbridge/access';
import { isVin, normalizeVin } from '@fleetbridge/protocol';
import { type Logger, listen, withTimeout } from '@fleetbridge/service';
import {
  type ConnectionInjector,
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
import { parseCursor, pumpRecords, RecordStream, type StreamItem, type StreamStart } from '../records/index.js';
import { recordMessage, timeMs, vehicleMessage, type WireTimestamp } from './grpc-messages.js';
import { addHealth, addReflection, telemetryService } from './grpc-services.js';

const MAX_VINS = 1_000;
const STOP_LIMIT_MS = 1_000;
const LAST_WORDS_MS = 100;
const channelOptions = {
  'grpc.max_receive_message_length': 64_000,
  'grpc.max_concurrent_streams': 100,
  // a client that vanished without a word
  'grpc.keepalive_time_ms': 30_000,
  'grpc.keepalive_timeout_ms': 10_000,
};

export interface GrpcServerOptions {
  host: string | undefined;
  /** undefined: it is given its connections (`accept`). */
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
}

export interface GrpcServer {
  port: number;
  accept(socket: Socket): void;
  renewCertificate(certificate: { cert: string; key: string }): void;
  /** What its health service says. */
  setServing(isServing: boolean): void;
  stop(): Promise<void>;
}

export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const server = new Server(channelOptions);
  server.addService(telemetryService, telemetryHandlers(options));
  const health = addHealth(server);
  addReflection(server);
  let injector = injectorOf(server, options.certificate);
  const accept = (socket: Socket) => {
    socket.setNoDelay(true);
    injector.injectConnection(socket);
  };
  const listener = options.port === undefined ? undefined : createServer(accept);
  const port =
    listener === undefined || options.port === undefined
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
    accept,
    renewCertificate: (renewed) => {
      // the connections of the old one go on until they end
      injector = injectorOf(server, renewed);
    },
    setServing: health.set,
    stop: async () => {
      // On Node 24 a server that closes cuts streams whose last words are still being written.
      await delay(LAST_WORDS_MS);
      listener?.close();
      health.stop();
      // Calls that have been told of the end get the moment that it takes to arrive.
      const shutDown = new Promise((resolve) => server.tryShutdown(resolve));
      await withTimeout(shutDown, STOP_LIMIT_MS, { onTimeout: () => {} });
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

function telemetryHandlers({ access, addressOf, vehicles, records, live, counts, log, ...rest }: GrpcServerOptions) {
  return {
    Subscribe: (call: SubscribeCall) => {
      subscribe(call).catch((error) => call.emit('error', refusalOf(error, log)));
    },
    GetVehicle: (call: Call, answer: sendUnaryData<object>) => {
      getVehicle(call).then(
        (vehicle) => answer(null, vehicle),
        (error) => answer(refusalOf(error, log)),
      );
    },
    ListVehicles: (call: Call, answer: sendUnaryData<object>) => {
      listVehicles(call).then(
        (list) => answer(null, list),
        (error) => answer(refusalOf(error, log)),
      );
    },
  };

  async function getVehicle(call: Call): Promise<object> {
    const { grant } = await admit(call, 'read');
    const vehicle = await vehicles.read(openedVin(grant, call.request.vin));
    if (vehicle === undefined) throw refusal(status.NOT_FOUND, 'nothing is known of this vehicle');
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
    const opened = vins.map((vin) => openedVin(grant, vin));
    const only = grant.vin === '*' ? undefined : [grant.vin];
    const start = startOf(call.request, records.partitions);
    if (call.cancelled) return;

    const stream = new RecordStream({ records, vins: opened.length > 0 ? opened : only, topics, start });
    const gone = () => {
      stream.stop();
      leave();
    };
    const end = (code: status, details: string) => {
      gone();
      call.emit('error', refusal(code, details));
    };
    const leave = live.add({
      door: 'grpc',
      access: client,
      end: (reason) => end(reason === 'token_revoked' ? status.UNAUTHENTICATED : status.UNAVAILABLE, reason),
    });
    for (const event of ['cancelled', 'close', 'finish']) call.once(event, gone);
    // Says that the subscription stands, and where it begins.
    const metadata = new Metadata();
    metadata.set('cursor', stream.cursor);
    call.sendMetadata(metadata);

    const send = (item: StreamItem) => {
      if (item.kind === 'gap') {
        end(status.OUT_OF_RANGE, `the log begins after that cursor, with ${item.firstKept}; subscribe from a time`);
        return true;
      }
      counts.told.grpc = (counts.told.grpc ?? 0) + 1;
      return call.write(recordMessage(item.record, item.cursor));
    };
    const outcome = await pumpRecords(stream, { send, drained: () => drainedOrGone(call), ...rest });
    if (outcome === 'unread') {
      counts.ended.messages_unread = (counts.ended.messages_unread ?? 0) + 1;
      end(status.RESOURCE_EXHAUSTED, 'records are not read');
    }
  }

  async function admit(
    call: { metadata: Metadata; getPeer(): string },
    scope: Scope,
  ): Promise<{ grant: Grant; client: ClientAccess }> {
    const text = (name: string) => call.metadata.get(name)[0]?.toString();
    const remoteAddress = call.getPeer().replace(/:\d+$/, '');
    const client = access.client(addressOf({ remoteAddress, forwardedFor: text('x-forwarded-for') }), scope);
    const grant = await client.identifyWithRetry(text('authorization'));
    if (grant === 'refused') throw refusal(status.UNAUTHENTICATED, 'metadata authorization: Bearer <token> is needed');
    if (grant === 'unknown') throw refusal(status.UNAVAILABLE, 'not ready; try again in a moment');
    return { grant, client };
  }

  function openedVin(grant: Grant, text: string): string {
    const vin = normalizeVin(text);
    if (!isVin(vin)) throw refusal(status.INVALID_ARGUMENT, 'expected a VIN');
    if (grantsVehicle(grant, vin)) return vin;
    access.refuse('other_vehicle');
    throw refusal(status.PERMISSION_DENIED, 'this token is for another vehicle');
  }
}

function startOf({ start, cursor, from }: SubscribeRequest, partitions: number): StreamStart {
  if (start === 'from' && from) return { kind: 'time', fromMs: timeMs(from) };
  if (start !== 'cursor') return { kind: 'live' };
  const positions = parseCursor(cursor ?? '', partitions);
  if (positions === undefined) throw refusal(status.INVALID_ARGUMENT, 'that is no cursor of this log');
  return { kind: 'cursor', positions };
}

/** Ends a call; the message is for the client. */
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
  return refusal(status.UNAVAILABLE, 'not possible now');
}

async function drainedOrGone(call: SubscribeCall): Promise<void> {
  const ended = new AbortController();
  const events = ['drain', 'cancelled', 'close', 'finish'].map((event) => once(call, event, ended));
  await Promise.race(events).catch(() => {});
  ended.abort();
  await Promise.allSettled(events);
}

function injectorOf(server: Server, certificate: GrpcServerOptions['certificate']): ConnectionInjector {
  const credentials =
    certificate === undefined
      ? ServerCredentials.createInsecure()
      : ServerCredentials.createSsl(null, [
          { cert_chain: Buffer.from(certificate.cert), private_key: Buffer.from(certificate.key) },
        ]);
  return server.createConnectionInjector(credentials);
}
