// The signer of @fleetbridge/vehicle-command, which sends over HTTPS to a stand-in fleet. Its clock moves only when it
// waits, so that no test waits for a real second.
import { Agent, request } from 'node:https';
import { createAuthority, extendedKeyUsages, issueCertificate } from '@fleetbridge/pki';
import {
  type CommandResult,
  commandKeyFromScalar,
  executeCommand,
  memorySessionStore,
  signedCommandBody,
  type TransportResult,
} from '@fleetbridge/vehicle-command';
import {
  type CommandFleet,
  type CommandVehicle,
  createCommandFleet,
  createCommandVehicle,
  startFleetServer,
} from '../src/command-vehicle/index.js';

export const VIN = '5YJ30123456789ABC';

export interface SignedClient {
  vehicle: CommandVehicle;
  fleet: CommandFleet;
  advance(milliseconds: number): void;
  execute(name: string, parameters?: Record<string, unknown>): Promise<CommandResult>;
  post(path: string, body: unknown): Promise<TransportResult>;
}

/** One HTTPS server for all tests of a file; it serves the fleet of the newest client. */
export interface ClientServer {
  url: string;
  agent: Agent;
  use(fleet: CommandFleet): void;
  stop(): Promise<void>;
}

const authority = createAuthority({ commonName: 'test fleet CA', days: 30 });
const server = issueCertificate({
  authority,
  subject: { commonName: 'test fleet' },
  hosts: ['127.0.0.1'],
  extendedKeyUsage: [extendedKeyUsages.serverAuth],
  days: 30,
});

export async function startClientServer(): Promise<ClientServer> {
  let current: CommandFleet | undefined;
  const fleet: Pick<CommandFleet, 'handleFleetRequest'> = {
    handleFleetRequest: (...request) => current!.handleFleetRequest(...request),
  };
  const { url, stop } = await startFleetServer({ fleet, certificate: server.certificatePem, key: server.keyPem });
  const agent = new Agent({ ca: authority.certificatePem, keepAlive: true });
  return {
    url,
    agent,
    use: (next) => {
      current = next;
    },
    stop: async () => {
      agent.destroy();
      await stop();
    },
  };
}

/** A paired vehicle. `answerMs`: how long the client waits for a real answer. */
export function signedClient({ url, agent, use }: ClientServer, { answerMs = 20_000 } = {}): SignedClient {
  let elapsedMs = 0;
  let drawn = 0;
  const nowMs = () => 1_790_000_000_000 + elapsedMs;
  const randomBytes = (count: number) => {
    drawn += 1;
    const bytes = Buffer.alloc(count, 1);
    bytes.writeUInt32BE(drawn, count - 4);
    return bytes;
  };
  const key = commandKeyFromScalar(Buffer.alloc(32, 3));
  const vehicle = createCommandVehicle({ vin: VIN, nowMs, randomBytes });
  vehicle.pair(key.publicKey);
  const fleet = createCommandFleet({ vehicles: [vehicle], clientKey: key.publicKey });
  use(fleet);

  const post = (path: string, body: string): Promise<TransportResult> =>
    new Promise((resolve) => {
      const headers = { authorization: 'Bearer test', 'content-type': 'application/json' };
      const call = request(url + path, { method: 'POST', agent, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const retryAfter = response.headers['retry-after'];
          const text = Buffer.concat(chunks).toString('utf8');
          resolve({ kind: 'http', status: response.statusCode!, body: text, ...(retryAfter && { retryAfter }) });
        });
        response.on('error', (error) => resolve({ kind: 'broken', cause: error.message }));
      });
      const timer = setTimeout(() => {
        resolve({ kind: 'timed_out' });
        call.destroy();
      }, answerMs);
      call.on('close', () => clearTimeout(timer));
      call.on('error', (error) => resolve({ kind: 'broken', cause: error.message }));
      call.end(body);
    });
  const sessions = memorySessionStore();
  const parts = {
    key,
    sessions,
    randomBytes,
    clock: {
      nowMs,
      monotonicMs: () => elapsedMs,
      sleep: (milliseconds: number) => {
        elapsedMs += milliseconds;
        return Promise.resolve();
      },
    },
    transport: {
      send: (vin: string, message: Uint8Array) =>
        post(`/api/1/vehicles/${vin}/signed_command`, signedCommandBody(message)),
    },
  };
  return {
    vehicle,
    fleet,
    advance: (milliseconds) => {
      elapsedMs += milliseconds;
    },
    execute: (name, parameters = {}) => executeCommand({ vin: VIN, name, parameters, timeoutMs: 10_000 }, parts),
    post: (path, body) => post(path, JSON.stringify(body)),
  };
}
