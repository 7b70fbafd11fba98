// The signer of @fleetbridge/vehicle-command, which sends over HTTPS to a stand-in fleet. Its clock moves only when it
// waits, so that no test waits for a real second.
import { createAuthority, extendedKeyUsages, issueCertificate } from '@fleetbridge/pki';
import {
  type CommandResult,
  commandKeyFromScalar,
  executeCommand,
  memorySessionStore,
  type TransportResult,
} from '@fleetbridge/vehicle-command';
import {
  type CommandFleet,
  type CommandVehicle,
  createCommandFleet,
  createCommandVehicle,
  createFleetClient,
  type FleetClient,
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
  http: FleetClient;
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
  const http = createFleetClient({ url, caPem: authority.certificatePem, accountToken: 'test' });
  return {
    http,
    use: (next) => {
      current = next;
    },
    stop: async () => {
      http.stop();
      await stop();
    },
  };
}

/** A paired vehicle. `answerMs`: how long the client waits for a real answer. */
export function signedClient({ http, use }: ClientServer, { answerMs = 20_000 } = {}): SignedClient {
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

  const limit = { timeoutMs: answerMs };
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
      send: (vin: string, message: Uint8Array) => http.signedCommand(vin, message, limit),
    },
  };
  return {
    vehicle,
    fleet,
    advance: (milliseconds) => {
      elapsedMs += milliseconds;
    },
    execute: (name, parameters = {}) => executeCommand({ vin: VIN, name, parameters, timeoutMs: 10_000 }, parts),
    post: (path, body) => http.post(path, JSON.stringify(body), limit),
  };
}
