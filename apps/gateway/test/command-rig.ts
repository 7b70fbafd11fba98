// The gateway with commands, the stand-in vehicle behind a real HTTPS server, and a client for Tesla's endpoints.

import { randomBytes } from 'node:crypto';
import { Agent, request } from 'node:https';
import { createAuthority, extendedKeyUsages, issueCertificate } from '@fleetbridge/pki';
import {
  type CommandVehicle,
  createCommandFleet,
  createCommandVehicle,
  startFleetServer,
} from '@fleetbridge/simulator';
import type { Store } from '@fleetbridge/store';
import { commandKeyFromScalar, signedCommandBody, type TransportResult } from '@fleetbridge/vehicle-command';
import type { Upstream } from '../src/commands/index.js';
import { createRig, type RigOptions, VIN } from './gateway-rig.js';

export const SCALAR = Buffer.alloc(32, 3);
export const ACCOUNT_TOKEN = 'account-token-of-the-owner';

const authority = createAuthority({ commonName: 'test fleet CA', days: 30 });
const issued = issueCertificate({
  authority,
  subject: { commonName: 'test fleet' },
  hosts: ['127.0.0.1'],
  extendedKeyUsage: [extendedKeyUsages.serverAuth],
  days: 30,
});

export type CommandFleetRig = Awaited<ReturnType<typeof startFleet>>;

/** Vehicles that are paired with the key. */
export async function startFleet(vins: readonly string[] = [VIN], nowMs: () => number = Date.now) {
  const key = commandKeyFromScalar(SCALAR);
  const vehicles = vins.map((vin) => createCommandVehicle({ vin, nowMs, randomBytes }));
  for (const vehicle of vehicles) vehicle.pair(key.publicKey);
  const fleet = createCommandFleet({ vehicles, clientKey: key.publicKey });
  const server = await startFleetServer({ fleet, certificate: issued.certificatePem, key: issued.keyPem });
  const agent = new Agent({ ca: authority.certificatePem, keepAlive: true });
  return {
    key,
    vehicles,
    vehicle: vehicles[0] as CommandVehicle,
    fleet,
    url: server.url,
    ca: authority.certificatePem,
    upstream: httpsUpstream(server.url, agent),
    stop: async () => {
      agent.destroy();
      await server.stop();
    },
  };
}

export function httpsUpstream(url: string, agent: Agent): Upstream {
  const post = (path: string, body: string, { timeoutMs }: { timeoutMs: number }): Promise<TransportResult> =>
    new Promise((resolve) => {
      const headers = { authorization: `Bearer ${ACCOUNT_TOKEN}`, 'content-type': 'application/json' };
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
      }, timeoutMs);
      call.on('close', () => clearTimeout(timer));
      call.on('error', (error) => resolve({ kind: 'broken', cause: error.message }));
      call.end(body);
    });
  return {
    signedCommand: (vin, message, limit) =>
      post(`/api/1/vehicles/${vin}/signed_command`, signedCommandBody(message), limit),
    plainCommand: (vin, name, body, limit) => post(`/api/1/vehicles/${vin}/command/${name}`, body, limit),
    wakeUp: (vin, limit) => post(`/api/1/vehicles/${vin}/wake_up`, '', limit),
  };
}

/** A gateway in this process with a token for all commands. Vehicles connect with the real clock. */
export async function startCommandRig(store: Store, fleet: CommandFleetRig, { env, ...options }: RigOptions = {}) {
  const rig = await createRig(store, {
    isRealClock: true,
    ...options,
    env: { COMMANDS: 'on', ALLOWED_VINS: fleet.vehicles.map(({ vin }) => vin).join(), ...env },
    commanding: { key: fleet.key, upstream: fleet.upstream },
  });
  const { token } = await rig.tokens.create({ vin: '*', label: 'test', nowMs: 1, scopes: ['command'] });
  return {
    ...rig,
    token,
    command: (name: string, body?: unknown, { vin = VIN, as = token, query = '' }: CommandCall = {}) =>
      rig.request(`/api/1/vehicles/${vin}/command/${name}${query}`, {
        method: 'POST',
        token: as,
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      }),
    wakeUp: ({ vin = VIN, as = token, query = '' }: CommandCall = {}) =>
      rig.request(`/api/1/vehicles/${vin}/wake_up${query}`, { method: 'POST', token: as }),
  };
}

interface CommandCall {
  vin?: string;
  /** The token. */
  as?: string;
  query?: string;
}
