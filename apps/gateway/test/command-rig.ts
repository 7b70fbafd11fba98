// The gateway with commands, the stand-in vehicle behind a real HTTPS server, and a client for Tesla's endpoints.

import { randomBytes } from 'node:crypto';
import { createAuthority, extendedKeyUsages, issueCertificate } from '@fleetbridge/pki';
import {
  type CommandVehicle,
  createCommandFleet,
  createCommandVehicle,
  createFleetClient,
  startFleetServer,
} from '@fleetbridge/simulator';
import type { Store } from '@fleetbridge/store';
import { it as redisIt } from '@fleetbridge/store/testing';
import { commandKeyFromScalar } from '@fleetbridge/vehicle-command';
import { createRig, type RigOptions, VIN } from './gateway-rig.js';

export const SCALAR = Buffer.alloc(32, 3);
const ACCOUNT_TOKEN = 'account-token-of-the-owner';

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
  const upstream = createFleetClient({
    url: server.url,
    caPem: authority.certificatePem,
    accountToken: ACCOUNT_TOKEN,
  });
  return {
    key,
    vehicles,
    vehicle: vehicles[0] as CommandVehicle,
    fleet,
    url: server.url,
    ca: authority.certificatePem,
    upstream,
    stop: async () => {
      upstream.stop();
      await server.stop();
    },
  };
}

/** A gateway in this process with a token for all commands. Vehicles connect with the real clock. */
export async function startCommandRig(store: Store, fleet: CommandFleetRig, { env, ...options }: RigOptions = {}) {
  const rig = await createRig(store, {
    isRealClock: true,
    ...options,
    env: { COMMANDS: 'on', ALLOWED_VINS: fleet.vehicles.map(({ vin }) => vin).join(), ...env },
    commandAccount: { open: async () => ({ kind: 'opened', key: fleet.key, upstream: fleet.upstream }) },
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

export type CommandRig = Awaited<ReturnType<typeof startCommandRig>> & { fleet: CommandFleetRig };

/** Test function with `startRig`: a gateway and a fleet, which are stopped after the test. */
export const it = redisIt.extend<{ startRig: (options?: RigOptions & { vins?: string[] }) => Promise<CommandRig> }>({
  startRig: async ({ store, cleanup }, use) => {
    await use(async ({ vins = [VIN], ...options } = {}) => {
      const fleet = await startFleet(vins);
      const rig = await startCommandRig(store, fleet, options);
      cleanup.push(async () => {
        await rig.stop();
        await fleet.stop();
      });
      return { ...rig, fleet };
    });
  },
});

/** The answer to the first command of a vehicle waits until the returned function is called. */
export function holdFirstCommand({ fleet, vehicle: { vin } }: CommandFleetRig): () => void {
  const handle = fleet.handleFleetRequest.bind(fleet);
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  fleet.handleFleetRequest = async (...request) => {
    const reply = await handle(...request);
    if (fleet.calls.at(-1)?.kind === 'command' && request[1].includes(vin)) await released;
    return reply;
  };
  return release;
}
