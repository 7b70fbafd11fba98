// Service definitions for grpc-js, and the two standard services: health, and reflection, from which tools discover the
// other services. Made from src/gen, because a bundle has no .proto files (docs/decisions/0008).
import {
  type GrpcObject,
  loadPackageDefinition,
  type Server,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceClientConstructor,
  type ServiceDefinition,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import { reflected, services } from '../gen/services.js';

/** A schema in the JSON form of protobufjs. */
export type ServiceJson = { nested: object };

/** A file that reflection serves. */
export interface ReflectedFile {
  /** A FileDescriptorProto, base64. */
  descriptor: string;
  dependencies: string[];
  services: string[];
  /** Full names of its messages, enums, services and methods. */
  symbols: string[];
}

export const TELEMETRY = 'fleetbridge.v1.Telemetry';

export const telemetryService = serviceOf(services.telemetry, TELEMETRY);

type ServingStatus = 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN';
interface HealthRequest {
  service: string;
}

export interface Health {
  /** Notifies all watchers. */
  set(isServing: boolean): void;
  /** Ends all watchers. */
  stop(): void;
}

/** Serves the health of the server ('') and of our service. */
export function addHealth(server: Server): Health {
  let current: ServingStatus = 'NOT_SERVING';
  const watchers = new Set<ServerWritableStream<HealthRequest, { status: ServingStatus }>>();
  const isKnown = (service: string) => service === '' || service === TELEMETRY;

  server.addService(serviceOf(services.health, 'grpc.health.v1.Health'), {
    Check: (call: ServerUnaryCall<HealthRequest, object>, answer: sendUnaryData<object>) => {
      if (isKnown(call.request.service)) answer(null, { status: current });
      else answer({ code: status.NOT_FOUND, details: 'unknown service' });
    },
    List: (_call: unknown, answer: sendUnaryData<object>) => {
      answer(null, { statuses: { '': { status: current }, [TELEMETRY]: { status: current } } });
    },
    Watch: (call: ServerWritableStream<HealthRequest, { status: ServingStatus }>) => {
      const { service } = call.request;
      call.write({ status: isKnown(service) ? current : 'SERVICE_UNKNOWN' });
      if (!isKnown(service)) return;
      watchers.add(call);
      call.on('cancelled', () => watchers.delete(call));
    },
  });
  return {
    set: (isServing) => {
      const next: ServingStatus = isServing ? 'SERVING' : 'NOT_SERVING';
      if (next === current) return;
      current = next;
      for (const watcher of watchers) watcher.write({ status: next });
    },
    stop: () => {
      for (const watcher of watchers) watcher.end();
    },
  };
}

interface ReflectionRequest {
  host: string;
  message_request?: string;
  file_by_filename?: string;
  file_containing_symbol?: string;
}

/** Serves both versions of the protocol: tools use one or the other. */
export function addReflection(server: Server): void {
  const handlers = {
    ServerReflectionInfo: (call: ServerDuplexStream<ReflectionRequest, object>) => {
      call.on('data', (request: ReflectionRequest) => call.write(reflectionAnswer(request)));
      call.on('end', () => call.end());
    },
  };
  server.addService(serviceOf(services.reflection, 'grpc.reflection.v1.ServerReflection'), handlers);
  server.addService(serviceOf(services.reflectionAlpha, 'grpc.reflection.v1alpha.ServerReflection'), handlers);
}

export function reflectionAnswer(request: ReflectionRequest): object {
  const answer = { valid_host: request.host, original_request: request };
  const notFound = (what: string) => ({
    ...answer,
    error_response: { error_code: status.NOT_FOUND, error_message: `${what} not found` },
  });
  switch (request.message_request) {
    case 'list_services': {
      const names = Object.values(reflected).flatMap((file) => file.services);
      return { ...answer, list_services_response: { service: names.map((name) => ({ name })) } };
    }
    case 'file_by_filename': {
      const name = request.file_by_filename ?? '';
      return Object.hasOwn(reflected, name) ? { ...answer, file_descriptor_response: filesFrom(name) } : notFound(name);
    }
    case 'file_containing_symbol': {
      const symbol = request.file_containing_symbol ?? '';
      const [name] = Object.entries(reflected).find(([, { symbols }]) => symbols.includes(symbol)) ?? [];
      return name === undefined ? notFound(symbol) : { ...answer, file_descriptor_response: filesFrom(name) };
    }
    default:
      // proto3 has no extensions
      return notFound(request.message_request ?? 'the request');
  }
}

/** The file, followed by its dependencies. */
function filesFrom(name: string): { file_descriptor_proto: Buffer[] } {
  const { descriptor, dependencies } = reflected[name]!;
  const others = dependencies.flatMap((dependency) => filesFrom(dependency).file_descriptor_proto);
  return { file_descriptor_proto: [Buffer.from(descriptor, 'base64'), ...others] };
}

function serviceOf(json: ServiceJson, fullName: string): ServiceDefinition {
  const schema = json as Parameters<typeof fromJSON>[0];
  const definition = fromJSON(schema, { keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true });
  let found: GrpcObject[string] = loadPackageDefinition(definition);
  for (const part of fullName.split('.')) found = (found as GrpcObject)[part]!;
  return (found as ServiceClientConstructor).service;
}
