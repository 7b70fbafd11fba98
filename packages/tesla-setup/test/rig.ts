// The steps of the set-up against the stand-in of Tesla and a real Redis, with the network of the test.
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@fleetbridge/fleet-api';
import { ensureDevelopmentPki } from '@fleetbridge/pki';
import { startTeslaApi, type TeslaApi, type TeslaApiOptions } from '@fleetbridge/simulator';
import type { Store } from '@fleetbridge/store';
import { it as redisIt } from '@fleetbridge/store/testing';
import { applicationKeyFile, connectTesla, loadApplicationKey, type TeslaConnection } from '@fleetbridge/tesla-account';
import { afterAll } from 'vitest';
import { type Dialogue, type Outcome, runSetup, type SetupOptions, servedChain } from '../src/index.js';

export const VIN = '5YJ3E1EA7KF000001';
export const OTHER = '5YJ3E1EA7KF000002';
export const DOMAIN = 'cars.example.com';
export const TELEMETRY_HOST = 'telemetry.example.com';
export const CLIENT = { clientId: 'client', clientSecret: 'the-secret-of-the-application' };

export type Ended = Outcome & { step: string };

export interface SetupRig {
  api: TeslaApi;
  dataDirectory: string;
  tesla: TeslaConnection;
  /** By address; a function may reject. Default: the public key of DATA_DIR. */
  pages: Map<string, string>;
  /** Steps with their outcomes; the last one is where it ended. */
  run(
    options?: Partial<SetupOptions>,
    parts?: { isCheckOnly?: boolean; dialogue?: Partial<Dialogue> },
  ): Promise<Ended[]>;
  /** Approves the sign-in in the browser and in the app, so that only the vehicle is left. */
  complete(options?: Partial<SetupOptions>): Promise<Ended[]>;
  /** The address at which the browser ends for an open sign-in. */
  browse(url: string): Promise<string>;
  /** Everything that was shown. */
  shown: string[];
  caFile: string;
  /** As the server of the configuration sends it. */
  servedChain(): Promise<string[]>;
}

interface Context {
  teslaOptions: Partial<TeslaApiOptions>;
  rig: SetupRig;
}

export const it = redisIt.extend<Context>({
  teslaOptions: [{}, { injected: false }],
  rig: async ({ store, teslaOptions }, use) => {
    const { rig, stop } = await startRig(store, teslaOptions);
    await use(rig);
    await stop();
  },
});

// made once for all tests of a file
const pkiDirectory = mkdtempSync(join(tmpdir(), 'tesla-setup-pki-'));
const pki = ensureDevelopmentPki({ directory: pkiDirectory, hosts: [TELEMETRY_HOST], vins: [VIN, OTHER] });
afterAll(() => rmSync(pkiDirectory, { recursive: true }));

export async function startRig(store: Store, teslaOptions: Partial<TeslaApiOptions> = {}) {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'tesla-setup-'));
  symlinkSync(pkiDirectory, join(dataDirectory, 'pki'));
  const read = (file: string) => readFileSync(file, 'utf8');
  const publicKey = () => loadApplicationKey(applicationKeyFile(join(dataDirectory, 'tesla')))?.publicKey.pem;
  const api = await startTeslaApi({
    certificatePem: read(pki.server.certFile),
    keyPem: read(pki.server.keyFile),
    application: { ...CLIENT, allowedOrigins: [`https://${DOMAIN}`], redirectUris: ['http://localhost:3000/callback'] },
    vehicles: [...pki.vehicles].slice(0, 1).map(([vin, { certFile, keyFile }]) => ({
      vin,
      certificatePem: read(certFile),
      keyPem: read(keyFile),
      plan: [{ phase: 'park' as const, seconds: 3_600 }],
    })),
    fetchPublicKey: () => Promise.resolve(publicKey() ?? Promise.reject(new Error('no key'))),
    documentOf: () => ({ vehicle_config: { plg: true } }),
    ...teslaOptions,
  });
  const caFile = pki.serverAuthority.certFile;
  const settings = { FLEET_API_URL: api.url, FLEET_AUTH_URL: api.authUrl, FLEET_CA_FILE: caFile };
  const tesla = await connectTesla({ store, dataDirectory, settings, owner: 'test' });
  const port = Number(new URL(api.url).port);
  const shown: string[] = [];
  const pages = new Map<string, string>();

  const rig: SetupRig = {
    api,
    dataDirectory,
    tesla,
    pages,
    shown,
    caFile,
    async run(options = {}, { isCheckOnly = false, dialogue = {} } = {}) {
      const ended: Ended[] = [];
      await runSetup(
        {
          options: { ...defaults(dataDirectory, port, api.authUrl), ...options },
          store,
          tesla,
          dialogue: { ...script(shown), ...dialogue },
          network: {
            resolve: () => Promise.resolve(['127.0.0.1']),
            fetchText: (url) => {
              const body = pages.get(url) ?? publicKey();
              return Promise.resolve(body === undefined ? { status: 404, body: '' } : { status: 200, body });
            },
            servedChain,
            awaitBrowser: () => Promise.resolve(undefined),
          },
          clock: systemClock,
          randomText: () => 'state-of-the-test',
          qrCode: () => [],
          facts: {},
        },
        {
          isCheckOnly,
          onEvent: (event) => {
            if (event.kind === 'step_ended') ended.push({ step: event.step, ...event.outcome });
          },
        },
      );
      return ended;
    },
    async complete(options = {}) {
      const opened = (await rig.run(options)).at(-1)!;
      if (opened.step !== 'sign_in' || opened.state !== 'needed') return [opened];
      const redirectUrl = await rig.browse(/https:\S+/.exec(opened.remedy)![0]);
      api.pair(DOMAIN);
      return await rig.run({ ...options, redirectUrl });
    },
    servedChain: () => servedChain({ host: '127.0.0.1', port, servername: TELEMETRY_HOST }),
    browse: (url) => redirectOf(url, read(caFile)),
  };
  const stop = async () => {
    await api.stop();
    rmSync(dataDirectory, { recursive: true });
  };
  return { rig, stop };
}

function defaults(dataDirectory: string, port: number, authUrl: string): SetupOptions {
  return {
    dataDirectory,
    domain: DOMAIN,
    telemetryHost: TELEMETRY_HOST,
    port,
    servers: [{ host: '127.0.0.1', port }],
    ...CLIENT,
    keyFile: undefined,
    isNewKey: false,
    hasCommands: false,
    redirectUri: 'http://localhost:3000/callback',
    redirectUrl: undefined,
    isListening: false,
    vins: [],
    source: { kind: 'profile', profile: 'teslamate' },
    ca: undefined,
    waitMs: 0,
    pairingUrl: `${authUrl}/_ak`,
    allowedVins: [],
  };
}

function script(shown: string[]): Dialogue {
  return {
    isInteractive: false,
    show: (lines) => void shown.push(...lines),
    ask: () => Promise.resolve(undefined),
    choose: () => Promise.resolve([]),
    confirm: () => Promise.resolve(false),
  };
}

async function redirectOf(url: string, ca: string): Promise<string> {
  const { request } = await import('node:https');
  return await new Promise((resolve, reject) => {
    request(url, { ca, agent: false }, (response) => {
      response.resume();
      resolve(response.headers.location ?? '');
    })
      .on('error', reject)
      .end();
  });
}
