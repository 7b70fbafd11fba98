// A gateway that forwards to the stand-in of Tesla with the account of a real sign-in.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority, extendedKeyUsages, issueCertificate } from '@fleetbridge/pki';
import { startTeslaApi, type TeslaApi } from '@fleetbridge/simulator';
import { readForwardedCalls } from '@fleetbridge/store';
import { it as redisIt } from '@fleetbridge/store/testing';
import { connectTesla, loadOrCreateApplicationKey } from '@fleetbridge/tesla-account';
import { startHttpsAnswers } from '@fleetbridge/testing';
import { createRig, OTHER_VIN, type Rig, VIN } from './gateway-rig.js';

/** An endpoint of the stand-in that the gateway does not answer itself. */
export const ALLOWED = 'GET /api/1/vehicles/*/fleet_telemetry_config';
export const FORWARDED = `/api/1/vehicles/${VIN}/fleet_telemetry_config`;

const APPLICATION = { clientId: 'client', clientSecret: 'secret' };
const REDIRECT = 'http://localhost:3000/callback';

const authority = createAuthority({ commonName: 'Tesla stand-in CA', days: 30 });
const certificate = issueCertificate({
  authority,
  subject: { commonName: 'Tesla stand-in' },
  hosts: ['localhost'],
  extendedKeyUsage: [extendedKeyUsages.serverAuth],
  days: 30,
});

export interface UpstreamRig extends Rig {
  api: TeslaApi;
  /** Sections of vehicle_data at Tesla. */
  document: Record<string, unknown>;
  /** Calls of the budget, at the time of the rig's clock. */
  used: () => Promise<number>;
  /** Another gateway with the same Redis and account. */
  second: () => Promise<Rig>;
  events: (event: string) => Record<string, unknown>[];
}

interface Start {
  env?: Record<string, string>;
  isSignedIn?: boolean;
}

/** A signed-in account at a server whose answers the test decides. */
export async function startAnswers(folder: string, answer: Parameters<typeof startHttpsAnswers>[0]['answer']) {
  writeFileSync(join(folder, 'tesla-ca.pem'), authority.certificatePem);
  return await startHttpsAnswers({ cert: certificate.certificatePem, key: certificate.keyPem, answer });
}

export const it = redisIt.extend<{ startUpstream: (start?: Start) => Promise<UpstreamRig>; folder: string }>({
  folder: async ({ cleanup }, use) => {
    const folder = mkdtempSync(join(tmpdir(), 'gateway-upstream-'));
    cleanup.push(() => rmSync(folder, { recursive: true, force: true }));
    await use(folder);
  },
  startUpstream: async ({ store, cleanup, folder }, use) => {
    await use(async ({ env = {}, isSignedIn = true } = {}) => {
      const caFile = join(folder, 'tesla-ca.pem');
      writeFileSync(caFile, authority.certificatePem);
      const { publicKey } = loadOrCreateApplicationKey(join(folder, 'tesla'));
      const document: Record<string, unknown> = {};
      const api = await startTeslaApi({
        certificatePem: certificate.certificatePem,
        keyPem: certificate.keyPem,
        application: { ...APPLICATION, allowedOrigins: ['*'], redirectUris: [REDIRECT] },
        vehicles: [VIN, OTHER_VIN].map((vin) => ({ vin, certificatePem: '', keyPem: '' })),
        fetchPublicKey: () => Promise.resolve(publicKey.pem),
        documentOf: () => document,
      });
      cleanup.push(() => api.stop());
      const settings = { FLEET_API_URL: api.url, FLEET_AUTH_URL: api.authUrl, FLEET_CA_FILE: caFile };
      if (isSignedIn) {
        const { fleet, account } = await connectTesla({ store, dataDirectory: folder, settings, owner: 'setup' });
        await (await fleet.partner(APPLICATION)).register('cars.example.com');
        const code = await codeOf(fleet.authorizationUrl({ ...signInRequest, redirectUri: REDIRECT }));
        const { refreshToken = '', ...tokens } = await fleet.exchangeCode({
          ...APPLICATION,
          code,
          redirectUri: REDIRECT,
        });
        await account.signIn({ ...tokens, refreshToken }, APPLICATION);
      }
      const options = { env: { DATA_DIR: folder, GATEWAY_UPSTREAM_PATHS: ALLOWED, ...settings, ...env } };
      const start = async () => {
        const rig = await createRig(store, options);
        cleanup.push(() => rig.stop());
        return rig;
      };
      const rig = await start();
      return {
        ...rig,
        api,
        document,
        used: async () => (await readForwardedCalls(store, rig.clock)).today,
        second: start,
        events: (event) => rig.lines.filter((line) => line.event === event),
      };
    });
  },
});

const signInRequest = {
  clientId: 'client',
  scopes: ['openid', 'offline_access', 'vehicle_device_data'],
  state: 's',
  nonce: 'n',
};

function codeOf(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request(url, { ca: authority.certificatePem, agent: false }, (response) => {
      response.resume();
      resolve(new URL(response.headers.location ?? '').searchParams.get('code') ?? '');
    });
    call.on('error', reject);
    call.end();
  });
}
