// The gateway as `setup` leaves it: a folder for keys, and the stand-in of Tesla over HTTPS with a vehicle that executes
// commands. The steps of the set-up are functions.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority, extendedKeyUsages, issueCertificate } from '@fleetbridge/pki';
import {
  createCommandFleet,
  createCommandVehicle,
  type FleetReply,
  startTeslaApi,
  type TeslaApiAnswer,
} from '@fleetbridge/simulator';
import type { Store } from '@fleetbridge/store';
import { it as redisIt } from '@fleetbridge/store/testing';
import { applicationKeyFile, connectTesla, loadOrCreateApplicationKey } from '@fleetbridge/tesla-account';
import { createRig, VIN } from './gateway-rig.js';

const DOMAIN = 'cars.example.com';
const REDIRECT = 'http://localhost:3000/callback';
const SCOPES = ['openid', 'offline_access', 'vehicle_device_data', 'vehicle_cmds'];
const APPLICATION = { clientId: 'client', clientSecret: 'secret' };

const authority = createAuthority({ commonName: 'Tesla stand-in CA', days: 30 });
const certificate = issueCertificate({
  authority,
  subject: { commonName: 'Tesla stand-in' },
  hosts: ['localhost'],
  extendedKeyUsage: [extendedKeyUsages.serverAuth],
  days: 30,
});

export type TeslaRig = Awaited<ReturnType<typeof startTeslaRig>>;

export async function startTeslaRig(store: Store) {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'gateway-tesla-'));
  const caFile = join(dataDirectory, 'tesla-ca.pem');
  writeFileSync(caFile, authority.certificatePem);
  const vehicle = createCommandVehicle({ vin: VIN, nowMs: Date.now, randomBytes });
  const fleet = createCommandFleet({ vehicles: [vehicle], clientKey: new Uint8Array(65) });
  let publicKey = '';
  const post = async (path: string, body: string) =>
    answerOf(
      await fleet.handleFleetRequest('POST', `/api/1/vehicles/${path}`, { authorization: 'Bearer owner' }, body),
    );
  const api = await startTeslaApi({
    certificatePem: certificate.certificatePem,
    keyPem: certificate.keyPem,
    application: { ...APPLICATION, allowedOrigins: ['*'], redirectUris: [REDIRECT] },
    vehicles: [{ vin: VIN, certificatePem: certificate.certificatePem, keyPem: certificate.keyPem }],
    fetchPublicKey: async () => publicKey,
    onSignedCommand: (vin, body) => post(`${vin}/signed_command`, body),
    onCommand: (vin, name, body) => post(`${vin}/command/${name}`, body),
  });
  const settings = { FLEET_API_URL: api.url, FLEET_AUTH_URL: api.authUrl, FLEET_CA_FILE: caFile };
  const { fleet: client, account, owner } = await connectTesla({ store, dataDirectory, settings, owner: 'setup' });
  const options = { isRealClock: true, env: { COMMANDS: 'on', DATA_DIR: dataDirectory, ...settings } };
  const rig = await createRig(store, options);
  const replicas: { stop(): Promise<unknown> }[] = [];
  const { token } = await rig.tokens.create({ vin: VIN, label: 'test', nowMs: 1, scopes: ['command'] });

  async function signIn(scopes = SCOPES): Promise<void> {
    const url = client.authorizationUrl({
      clientId: 'client',
      redirectUri: REDIRECT,
      scopes,
      state: 's',
      nonce: 'n',
    });
    const code = new URL(await redirectOf(url)).searchParams.get('code')!;
    const { refreshToken = '', ...tokens } = await client.exchangeCode({ ...APPLICATION, code, redirectUri: REDIRECT });
    await account.signIn({ ...tokens, refreshToken }, APPLICATION);
  }

  return {
    ...rig,
    api,
    vehicle,
    fleet,
    owner,
    account,
    keyFile: applicationKeyFile(join(dataDirectory, 'tesla')),
    signIn,
    command: (name: string, body: object = {}) =>
      rig.request(`/api/1/vehicles/${VIN}/command/${name}`, { method: 'POST', token, body: JSON.stringify(body) }),
    wakeUp: () => rig.request(`/api/1/vehicles/${VIN}/wake_up?wait=0`, { method: 'POST', token }),
    /** The application key, registered with Tesla and paired with the vehicle. */
    async createKey(): Promise<void> {
      const { key, publicKey: forms } = loadOrCreateApplicationKey(join(dataDirectory, 'tesla'));
      publicKey = forms.pem;
      for (const regionUrl of Object.values(api.urls)) {
        const connection = {
          store,
          dataDirectory,
          settings: { ...settings, FLEET_API_URL: regionUrl },
          owner: 'setup',
        };
        const regional = await connectTesla(connection);
        await (await regional.fleet.partner(APPLICATION)).register(DOMAIN);
      }
      vehicle.pair(key.publicKey);
    },
    /** Another process with the same settings. */
    async startReplica() {
      const replica = await createRig(store, options);
      replicas.push(replica);
      return replica;
    },
    async stop(): Promise<void> {
      for (const replica of replicas) await replica.stop();
      await rig.stop();
      await api.stop();
      rmSync(dataDirectory, { recursive: true });
    },
  };
}

export const it = redisIt.extend<{ tesla: TeslaRig }>({
  tesla: async ({ store, cleanup }, use) => {
    const tesla = await startTeslaRig(store);
    cleanup.push(() => tesla.stop());
    await use(tesla);
  },
});

function answerOf(reply: FleetReply | undefined): TeslaApiAnswer {
  if (reply?.kind !== 'answer') throw new Error(`the stand-in does not play ${reply?.kind}`);
  const { status, body, headers } = reply;
  return { status, body, headers };
}

function redirectOf(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request(url, { ca: authority.certificatePem, agent: false }, (response) => {
      response.resume();
      resolve(response.headers.location ?? '');
    });
    call.on('error', reject);
    call.end();
  });
}
